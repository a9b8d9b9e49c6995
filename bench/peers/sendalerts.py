"""One at a time with Django's ORM, as healthchecks' `sendalerts` does it.

The steps are those of healthchecks (https://github.com/healthchecks/healthchecks, hc/api/management/
commands/sendalerts.py): look for the check that is due first, change its state if nobody else has, and
keep that it went down; then, for one such change after the other, mark it as handled, look for who is to
be told and where, keep what is sent, and note how it went. What would be sent is a row, as ours is.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection, models
from django.utils.timezone import now


def prepared(database: Path) -> Any:
    """The models, with their tables. Django's own settings, but for the database."""
    settings.configure(
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3", "NAME": str(database), "CONN_MAX_AGE": None,
                "OPTIONS": {"timeout": 30},
            }
        },
        USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )  # fmt: skip
    django.setup()

    class Project(models.Model):
        owner = models.IntegerField()

        class Meta:
            app_label = "bench"

    class Profile(models.Model):
        user = models.IntegerField(db_index=True)
        nags = models.BooleanField(default=False)

        class Meta:
            app_label = "bench"

    class Channel(models.Model):
        project = models.ForeignKey(Project, models.CASCADE)
        kind = models.CharField(max_length=20)
        disabled = models.BooleanField(default=False)
        last_notify = models.DateTimeField(null=True)
        last_notify_duration = models.DurationField(null=True)
        last_error = models.CharField(max_length=200, blank=True)

        class Meta:
            app_label = "bench"

    class Check(models.Model):
        project = models.ForeignKey(Project, models.CASCADE)
        status = models.CharField(max_length=6, default="up")
        last_ping = models.DateTimeField()
        timeout = models.DurationField(default=timedelta(hours=1))
        grace = models.DurationField(default=timedelta(minutes=45))
        alert_after = models.DateTimeField(null=True)
        channels = models.ManyToManyField(Channel)

        class Meta:
            app_label = "bench"
            indexes = [  # noqa: RUF012
                models.Index(
                    fields=["alert_after"], name="check_aa_not_down",
                    condition=~models.Q(status="down"),
                )
            ]  # fmt: skip

    class Flip(models.Model):
        owner = models.ForeignKey(Check, models.CASCADE)
        created = models.DateTimeField()
        processed = models.DateTimeField(null=True)
        old_status = models.CharField(max_length=8)
        new_status = models.CharField(max_length=8)

        class Meta:
            app_label = "bench"
            indexes = [  # noqa: RUF012
                models.Index(
                    fields=["processed"], name="flip_not_processed",
                    condition=models.Q(processed=None),
                )
            ]  # fmt: skip

    class Notification(models.Model):
        owner = models.ForeignKey(Check, models.CASCADE)
        channel = models.ForeignKey(Channel, models.CASCADE)
        created = models.DateTimeField(auto_now_add=True)
        check_status = models.CharField(max_length=6)
        error = models.CharField(max_length=200, blank=True)

        class Meta:
            app_label = "bench"

    all_of_them = {m.__name__: m for m in (Project, Profile, Channel, Check, Flip, Notification)}
    with connection.schema_editor() as editor:
        for model in all_of_them.values():
            editor.create_model(model)
    return type("Models", (), all_of_them)


def fill(made: Any, checks: int, due: int) -> None:
    """So many checks, of which the first are due, with a channel each."""
    project = made.Project.objects.create(owner=1)
    made.Profile.objects.create(user=1)
    channel = made.Channel.objects.create(project=project, kind="telegram")
    late, later = now() - timedelta(minutes=1), now() + timedelta(days=1)
    rows = [
        made.Check(
            project=project, last_ping=(late if n < due else later) - timedelta(hours=1, minutes=45),
            alert_after=late if n < due else later,
        )
        for n in range(checks)
    ]  # fmt: skip
    made.Check.objects.bulk_create(rows, batch_size=1000)
    through = made.Check.channels.through
    through.objects.bulk_create(
        [
            through(check_id=id, channel_id=channel.id)
            for id in made.Check.objects.filter(alert_after=late).values_list("id", flat=True)
        ],
        batch_size=1000,
    )


def goes_down(made: Any) -> bool:
    """One check: found, judged, changed, and its change kept."""
    waiting = made.Check.objects.filter(alert_after__lt=now()).exclude(status="down")
    check = waiting.order_by("alert_after").first()
    if check is None:
        return False
    before = check.status
    if now() < check.last_ping + check.timeout + check.grace:
        return True
    same = made.Check.objects.filter(id=check.id, status=before)
    if same.update(alert_after=None, status="down") == 1:
        made.Flip(
            owner=check, created=check.last_ping + check.timeout + check.grace, old_status=before,
            new_status="down",
        ).save()  # fmt: skip
    return True


def told(made: Any, flip: Any) -> None:
    """One change: who is to be told, what is sent, and how it went."""
    check = flip.owner
    users = [check.project.owner]
    list(made.Profile.objects.filter(user__in=users, nags=True))
    through = made.Check.channels.through.objects.filter(check_id=check.id)
    channels = made.Channel.objects.filter(id__in=through.values("channel_id"))
    channels = channels.exclude(disabled=True).order_by(
        models.F("last_notify_duration").asc(nulls_last=True)
    )
    for channel in channels:
        began = now()
        sent = made.Notification(
            owner=check, channel=channel, check_status=flip.new_status, error="Sending"
        )
        sent.save()
        made.Notification.objects.filter(id=sent.id).update(error="")
        made.Channel.objects.filter(id=channel.id).update(
            last_notify=began, last_notify_duration=now() - began, last_error="", disabled=False
        )


def main() -> None:
    """Print checks per second, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checks", type=int, default=20_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    made = prepared(given.folder / "checks.db")
    fill(made, given.checks, given.due)
    began = time.perf_counter()
    for _ in range(given.count):
        goes_down(made)
    with ThreadPoolExecutor(max_workers=1) as workers:
        for _ in range(given.count):
            flip = made.Flip.objects.filter(processed=None).first()
            if made.Flip.objects.filter(id=flip.id, processed=None).update(processed=now()) == 1:
                workers.submit(told, made, flip).result()
    print(json.dumps({"per_second": given.count / (time.perf_counter() - began)}), flush=True)


if __name__ == "__main__":
    main()
