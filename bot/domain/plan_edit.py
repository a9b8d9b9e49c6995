"""Changing a plan step by step: each change gives another whole plan, or says why there is none.

Steps are kept in the order of their times, and a last resort behind all others. Each function raises
`PlanError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.domain.plan import MOST_STEPS, Plan, PlanError, Step


def arranged(steps: Iterable[Step], repeat: timedelta, news: timedelta) -> Plan:
    """A plan of these steps, in whatever order they were written."""
    ordered = tuple(sorted(steps, key=lambda step: (step.last_resort, step.after)))
    if len(ordered) > MOST_STEPS:
        raise PlanError("plan.error.too_many", n=MOST_STEPS)
    if len(ordered) > 1 and ordered[-1].last_resort and ordered[-1].after < ordered[-2].after:
        raise PlanError("plan.error.after_last", after=ordered[-1].after)
    return Plan(ordered, repeat, news)


def with_step(plan: Plan, step: Step) -> Plan:
    """One more."""
    return arranged((*plan.steps, step), plan.repeat, plan.news)


def with_change(plan: Plan, number: int, **values: Any) -> Plan:
    """Another delay, other people, ... of step `number`, from 1."""
    changed = replace(_step(plan, number), **values)
    if values.get("last_resort") and number < len(plan.steps):
        raise PlanError("plan.error.last_resort")
    steps = [changed if n == number else step for n, step in enumerate(plan.steps, 1)]
    return arranged(steps, plan.repeat, plan.news)


def without_step(plan: Plan, number: int) -> Plan:
    """All but that one."""
    _step(plan, number)
    steps = [step for n, step in enumerate(plan.steps, 1) if n != number]
    return arranged(steps, plan.repeat, plan.news)


def _step(plan: Plan, number: int) -> Step:
    if not 1 <= number <= len(plan.steps):
        raise PlanError("plan.error.no_step", n=number)
    return plan.steps[number - 1]
