"""A plan as a text: what is written is read back as it was, in either language, and errors have lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.people import Risk
from bot.domain.plan import Plan, Who
from bot.domain.plan_defaults import ADVICE
from bot.domain.plan_text import Draft, read_plan
from bot.domain.plan_toml import KEYS, PlanFileError, line_of, looks_like_toml, read_toml, written
from bot.domain.plan_words import read_causes, read_hours, read_manner, read_risks
from tests.unit.test_plan_conditions import plans

NAMES = {1: "Ana", 2: 'Berta "la de abajo"', 3: "Carla\\ñandú", 4: "Coral, de la Red"}


@settings(max_examples=80, deadline=None)
@given(plans(), st.sampled_from(["es", "en", "fr"]))
def test_it_comes_back_as_it_was(plan: Plan, language: str) -> None:
    draft = read_toml(written(plan, NAMES.__getitem__, language))
    assert (draft.repeat, draft.news) == (plan.repeat, plan.news)
    numbers = {name: number for number, name in NAMES.items()}
    for step, drafted in zip(plan.steps, draft.steps, strict=True):
        roles = {r.who for r in step.recipients if r.member is None}
        assert {numbers[name] for name in drafted.names} == {
            r.member for r in step.recipients if r.member is not None
        }
        assert (set(drafted.roles), drafted.after) == (roles, step.after)
        manner = drafted.manner
        assert (manner.repeat, manner.only, manner.last_resort) == (
            step.repeat, step.only, step.last_resort,
        )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.sampled_from(["[[paso]]\n", "x = " + "[" * 7000, "9" * 6000]))
def test_anything_else_is_an_error_with_a_line(text: str) -> None:
    line = 1
    try:
        assert isinstance(read_toml(text), Draft)
    except PlanFileError as error:
        line = error.line
    assert 1 <= line <= text.count("\n") + 2


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("", 1, "no_steps"),
        ("paso = 3", 1, "steps"),
        ("[[paso]]\ntras = ya", 2, "no_toml"),
        ("[[paso]]\npersonas = ['Ana']", 1, "no_after"),
        ("[[paso]]\ntras = true\npersonas = ['Ana']", 2, "span"),
        ("repetir = 'nunca'\n[[paso]]\ntras = 'ya'\npersonas = ['Ana']", 1, "span"),
        ("[[paso]]\ntras = 'ya'\npersonas = [3]", 3, "list"),
        ("[[paso]]\ntras = 'ya'\ntareas = ['red']\n[[paso]]\ntras = '1 h'\n\ntareas = ['jefas']",
         7, "word"),
        ("[[paso]]\ntras = 'ya'\ntareas = ['red']\nultimo_recurso = 'si'", 4, "yes_or_no"),
        ("[[paso]]\ntras = 'ya'\nafter = 'now'\ntareas = ['red']", 3, "twice"),
        ("x" * 9000, 1, "too_long"),
    ],
)  # fmt: skip
def test_each_error_names_its_line(text: str, line: int, code: str) -> None:
    with pytest.raises(PlanFileError) as wrong:
        read_toml(text)
    assert (wrong.value.line, wrong.value.code) == (line, f"plan.file.{code}")


def test_where_a_name_stands() -> None:
    assert line_of('[[paso]]\n\npersonas = ["Ana", "Zoraída"]', "zoraida") == 3
    assert line_of("nothing", "Ana") == 1


def test_what_a_phone_makes_of_it_is_read_all_the_same() -> None:
    text = "```toml\n[[paso]]\ntras = “ya”\ntareas = «red»\n```"
    assert looks_like_toml(text)
    assert read_toml(text).steps[0].roles == (Who.CIRCLE,)
    assert not looks_like_toml("ya: Berta; 30 min: toda la red")


def test_the_two_languages_have_different_words_for_each_key() -> None:
    words = [word for pair in KEYS.values() for word in pair]
    assert len(words) == len(set(words))


def test_the_words_in_brackets() -> None:
    assert str(read_hours("de 22 a 6")) == "22:00-06:00"
    assert str(read_hours("from 10 pm to 6:30 am")) == "22:00-06:30"
    assert read_hours("de 25:61 a 6") is None
    assert read_hours("de 6 a 6") is None
    assert read_causes("coacción o alarma") == read_causes("alarm, duress")
    assert read_risks("medio o alto") == {Risk.MEDIUM, Risk.HIGH}
    assert read_risks("mucho") is None
    assert read_manner("de noche, quizás") == "quizás"
    assert isinstance(read_plan("ya (de noche: red"), str)


@pytest.mark.parametrize("risk", list(Risk))
def test_a_plan_to_begin_with_can_be_used_by_any_group(risk: Risk) -> None:
    """Roles alone; and the nearer the danger, the sooner and the more often."""
    plan = ADVICE[risk].plan
    assert all(r.member is None for step in plan.steps for r in step.recipients)
    assert ADVICE[Risk.HIGH].plan.repeat <= plan.repeat <= ADVICE[Risk.LOW].plan.repeat
    assert ADVICE[Risk.HIGH].every <= ADVICE[risk].every == plan.news
