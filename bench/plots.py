"""The pictures of the performance page, drawn from `bench/results.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

from bench.page import in_words

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
OURS, PEER, LINE = "#0072B2", "#7F7F7F", "#D55E00"
"""Okabe and Ito's colours, which people with any colour vision tell apart."""

LESS_IS_BETTER = ("s", "ms", "MB", "ms of CPU")
SAID = {
    "en": {
        "ratios": "How many times better than the peer (logarithmic; 1 is the same)",
        "workers": "Check-ins a second, PostgreSQL, on two processors",
        "processes": "processes",
        "rate": "Messages a second during the broadcast, 30 allowed",
        "alarms": "Alarms meanwhile: seconds",
        "time": "seconds since it began",
    },
    "es": {
        "ratios": "Cuántas veces mejor que aquello con que se compara (logarítmica; 1 es lo mismo)",
        "workers": "Chequeos por segundo, PostgreSQL, en dos procesadores",
        "processes": "procesos",
        "rate": "Mensajes por segundo durante la difusión, se permiten 30",
        "alarms": "Alarmas mientras tanto: segundos",
        "time": "segundos desde que empezó",
    },
}


def draw(results: Mapping[str, Any]) -> list[Path]:
    """All of them, in both languages. Returns where they are."""
    mpl.rcParams.update({"svg.hashsalt": "acuerpa", "svg.fonttype": "path", "font.size": 9})
    found = {one["name"]: one for one in results["results"]}
    return [
        path
        for language in SAID
        for path in (
            _ratios(results["results"], language),
            _workers(found, language),
            _broadcast(found, language),
        )
        if path is not None
    ]


def _ratios(results: list[dict[str, Any]], language: str) -> Path:
    """One bar for each."""
    shown = [one for one in results if not one["name"].startswith("workers")]
    better = [1 / o["ratio"] if o["unit"] in LESS_IS_BETTER else o["ratio"] for o in shown]
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(shown) + 1))
    titles = [in_words(one, language)["title"] for one in shown]
    axes.barh(range(len(shown)), [max(b, 1e-3) for b in better], left=0, color=OURS, height=0.6)
    axes.set_xscale("log")
    axes.axvline(1, color=LINE, linewidth=1)
    axes.set_yticks(range(len(shown)), [_wrapped(title) for title in titles], fontsize=7)
    axes.invert_yaxis()
    for n, value in enumerate(better):
        axes.annotate(f" {value:.3g}", (max(value, 1e-3), n), va="center", fontsize=7)
    axes.set_title(SAID[language]["ratios"], fontsize=9)
    axes.margins(x=0.12)
    return _saved(figure, "ratios", language)


def _workers(found: Mapping[str, Any], language: str) -> Path | None:
    if "workers_2" not in found:
        return None
    values = [found["workers_2"]["peer"]["median"],
              found["workers_2"]["ours"]["median"], found["workers_4"]["ours"]["median"]]  # fmt: skip
    figure, axes = plt.subplots(figsize=(5, 2.6))
    axes.bar(["1", "2", "4"], values, color=[PEER, OURS, OURS], width=0.55)
    for n, value in enumerate(values):
        axes.annotate(f"{value:,.0f}", (n, value), ha="center", va="bottom")
    axes.set_title(SAID[language]["workers"], fontsize=9)
    axes.set_xlabel(SAID[language]["processes"])
    axes.margins(y=0.15)
    return _saved(figure, "workers", language)


def _broadcast(found: Mapping[str, Any], language: str) -> Path | None:
    if "broadcast_30" not in found:
        return None
    more = found["broadcast_30"]["more"]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 4), sharex=True)
    times = [10 * n + 5 for n in range(len(more["per_second_by_10_s"]))]
    above.plot(times, more["per_second_by_10_s"], color=OURS)
    above.axhline(30, color=LINE, linewidth=1)
    above.set_ylim(0, 40)
    above.set_title(SAID[language]["rate"], fontsize=9)
    below.plot(*zip(*more["alarms"], strict=True), "o", markersize=3, color=OURS)
    below.axhline(1, color=LINE, linewidth=1)
    below.set_ylim(0, 1.1)
    below.set_title(SAID[language]["alarms"], fontsize=9)
    below.set_xlabel(SAID[language]["time"])
    return _saved(figure, "broadcast", language)


def _wrapped(title: str) -> str:
    middle = title.find(" ", len(title) // 2)
    return title if len(title) < 45 or middle < 0 else f"{title[:middle]}\n{title[middle + 1:]}"


def _saved(figure: Any, name: str, language: str) -> Path:
    path = FOLDER / f"performance-{name}-{language}.svg"
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None}, facecolor="white")
    plt.close(figure)
    return path
