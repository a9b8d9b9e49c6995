"""Metrics: what they are called and may bear, and what Prometheus and Grafana are given for them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bot.config import ConfigError, load
from bot.domain.lanes import Lane
from bot.metrics import Metrics, State
from storage.census import Census, Messages
from tests.support.serving import reads_well
from tests.support.world import START

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def test_open_incidents_are_counted_only_where_that_is_wanted() -> None:
    census = Census(
        at=START, events={}, messages=(Messages("telegram", Lane.ALARM, "queued", 2, START),), late=0,
        next_timer=None, until=None, workers=0, heartbeat=None, canary=None, shown={},
        open=5, unclaimed=2,
    )  # fmt: skip
    for wanted in (False, True):
        metrics = Metrics(["telegram"])
        metrics.registry.register(
            State(
                metrics, lambda: True, lambda: {"telegram": True}, lambda: census, lambda: None,
                backups=True, incidents=wanted,
            )
        )  # fmt: skip
        text = metrics.text().decode()
        assert ("acuerpa_incidents_open 5.0" in text) is wanted
        assert ("acuerpa_incidents_unclaimed 2.0" in text) is wanted
        assert 'acuerpa_outbox_rows{lane="alarm",platform="telegram",state="queued"} 2.0' in text
        assert "acuerpa_last_backup_timestamp_seconds 0.0" in text
        reads_well(text)


# --- bad settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        ("0.0.0.0:9464", "open to other machines"),
        ("[::]:9464", "open to other machines"),
        ("192.168.1.7:9464", "open to other machines"),
        ("bot.example.org:9464", "open to other machines"),
        ("9464", "must be such as"),
        ("127.0.0.1", "must be such as"),
        ("127.0.0.1:99999", "must be such as"),
        (":9464", "must be such as"),
    ],
)
def test_it_does_not_listen_to_other_machines_unless_told(
    tmp_path: Path, listen: str, says: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[telegram]\ntoken = "1:a"\n[http]\nlisten = "{listen}"\n', "utf-8")
    with pytest.raises(ConfigError, match=r"^http") as caught:
        load(path)
    assert says in str(caught.value)


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "[::1]:9464", "localhost:1", "/run/x.sock"])
def test_it_listens_here(tmp_path: Path, listen: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[telegram]\ntoken = "1:a"\n[http]\nlisten = "{listen}"\n', "utf-8")
    assert load(path).http.listen == listen


# --- what is delivered for Prometheus and Grafana ---------------------------------------------------


def every_metric() -> set[str]:
    """The names of all that there is."""
    metrics = Metrics(["telegram"])
    census = Census(
        at=START, events={"new": 0}, messages=(Messages("telegram", Lane.ALARM, "queued", 2, START),),
        late=0, next_timer=None, until=None, workers=0, heartbeat=None, canary=START, shown={},
        open=5, unclaimed=2,
    )  # fmt: skip
    metrics.audited = 1.0
    metrics.findings = ("backup_old",)
    metrics.registry.register(
        State(
            metrics, lambda: True, lambda: {"telegram": True}, lambda: census, lambda: START,
            backups=True, incidents=True,
        )
    )  # fmt: skip
    lines = metrics.text().decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if line and line[0] != "#"}


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\b(acuerpa_\w+)\b", text))


def test_the_rules_are_right_and_tested() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing: sh tools/promtool.sh")
    folder = DEPLOY / "prometheus"
    tests = sorted(path.name for path in folder.glob("*.tests.yml"))
    assert len(tests) == 2
    for command in (("check", "rules", "acuerpa.rules.yml"), ("test", "rules", *tests)):
        said = subprocess.run(["promtool", *command], cwd=folder, capture_output=True, text=True)
        assert said.returncode == 0, said.stdout + said.stderr


def test_each_rule_is_about_what_there_is_and_has_its_test() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "acuerpa.rules.yml").read_text("utf-8"))
    tests = "".join(path.read_text("utf-8") for path in (DEPLOY / "prometheus").glob("*.tests.yml"))
    known = every_metric()
    for rule in rules["groups"][0]["rules"]:
        assert named_in(rule["expr"]) <= known, rule["alert"]
        assert rule["alert"] in tests, f"{rule['alert']} is in no test"
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
    assert named_in(tests) <= known


def test_each_panel_of_the_dashboard_is_about_what_there_is() -> None:
    board = json.loads((DEPLOY / "grafana" / "acuerpa.json").read_text("utf-8"))
    known = every_metric()
    shown: set[str] = set()
    for panel in board["panels"]:
        for target in panel["targets"]:
            shown |= named_in(target["expr"])
        assert named_in(json.dumps(panel)) <= known, panel["title"]
        assert panel["title"]
    histograms = {name.removesuffix("_bucket") for name in known if name.endswith("_bucket")}
    parts = {f"{name}_{end}" for name in histograms for end in ("sum", "count")}
    hidden = {"acuerpa_incidents_open", "acuerpa_incidents_unclaimed"}
    assert known - shown - parts - hidden - {n for n in known if not n.startswith("acuerpa_")} == set()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_operators_page_lists_each_metric(language: str) -> None:
    page = (ROOT / "docs" / language / "operating.md").read_text("utf-8")
    known = {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in every_metric() if name.startswith("acuerpa")
    }
    assert {name for name in known if f"`{name}`" not in page} == set()
