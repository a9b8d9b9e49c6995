"""The words that are published are those that the second person read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import denunciation as rules
from bot.domain.approval import Rules
from bot.domain.denunciation import Denunciation, File, Kind, Refusal, State, Version

OLGA, RITA, ELSA = 1, 2, 3
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


def in_review(text: str, needed: int = 1) -> Denunciation:
    """Olga's words, shown to Rita."""
    written = rules.written(Denunciation(1, 1, 1, OLGA, "", ""), "Hostigamiento", text)
    assert isinstance(written, Denunciation)
    shown = rules.to_review(written, needed, NOW)
    assert isinstance(shown, Denunciation)
    return shown


def test_rita_consents_to_the_words_that_she_read() -> None:
    read = in_review("Dos camionetas siguieron a una compañera.")
    changed = in_review("Dos camionetas blancas siguieron a Marta.")
    assert rules.approved(changed, RITA, read.fingerprint) is Refusal.CHANGED
    approved = rules.approved(read, RITA, read.fingerprint)
    assert isinstance(approved, Denunciation)
    assert approved.publishable


def test_words_that_were_changed_after_the_approval_do_not_leave() -> None:
    read = in_review("Dos camionetas siguieron a una compañera.")
    approved = rules.approved(read, RITA, read.fingerprint)
    assert isinstance(approved, Denunciation)
    assert not replace(approved, text="Dos camionetas siguieron a Marta.").publishable
    assert not replace(approved, approver=OLGA).publishable
    assert not replace(approved, state=State.IN_REVIEW).publishable


PHOTO = File(1, "imagen-1.jpg", "image/jpeg", "ab" * 32, "Dos camionetas")
DOCUMENT = File(2, "documento-2.pdf", "application/pdf", "cd" * 32)


def test_an_approval_is_of_the_files_as_well() -> None:
    words = in_review("Dos camionetas siguieron a una compañera.")
    read = replace(words, files=(PHOTO, DOCUMENT))
    approved = rules.approved(read, RITA, read.fingerprint)
    assert isinstance(approved, Denunciation)
    assert approved.publishable
    for others in (
        (),
        (PHOTO,),
        (DOCUMENT, PHOTO),
        (replace(PHOTO, digest="ef" * 32), DOCUMENT),
        (replace(PHOTO, alternative="Dos camionetas de Marta"), DOCUMENT),
        (replace(PHOTO, mime="application/pdf"), DOCUMENT),
        (replace(PHOTO, name="documento-1.pdf"), DOCUMENT),
    ):
        changed = replace(read, files=others)
        assert rules.approved(changed, RITA, read.fingerprint) is Refusal.CHANGED
        assert not replace(approved, files=others).publishable
    # The same bytes in another row are the same file.
    assert replace(approved, files=(replace(PHOTO, id=9), DOCUMENT)).publishable


def test_olga_does_not_approve_her_own_words() -> None:
    read = in_review("Dos camionetas siguieron a una compañera.")
    assert rules.approved(read, OLGA, read.fingerprint) is Refusal.AUTHOR


def test_where_two_must_agree_one_is_not_enough_and_nobody_counts_twice() -> None:
    read = in_review("Dos camionetas siguieron a una compañera.", needed=2)
    first = rules.approved(read, RITA, read.fingerprint)
    assert isinstance(first, Denunciation)
    assert first.state is State.IN_REVIEW
    assert rules.approved(first, RITA, read.fingerprint) is Refusal.AGAIN
    second = rules.approved(first, ELSA, read.fingerprint)
    assert isinstance(second, Denunciation)
    assert second.publishable
    assert not replace(second, approvals=second.approvals[1:]).publishable


def test_an_edit_after_the_first_of_two_begins_anew() -> None:
    read = in_review("Dos camionetas siguieron a una compañera.", needed=2)
    first = rules.approved(read, RITA, read.fingerprint)
    assert isinstance(first, Denunciation)
    changed = rules.written(first, "Hostigamiento", "Tres camionetas.")
    assert isinstance(changed, Denunciation)
    assert (changed.state, changed.approvals) == (State.DRAFT, ())


@pytest.mark.parametrize(
    "other",
    [
        {"kind": Kind.PRESS},
        {"others": (Version("en", "Harassment", "Two vans."),)},
        {"topics": (1,)},
        {"region": 1},
        {"act_by": NOW},
        {"publish_at": NOW},
        {"corrects": 7},
        {"follows": 7},
        {"language": "en"},
    ],
)
def test_an_approval_is_of_everything_that_the_second_person_was_shown(
    other: dict[str, object],
) -> None:
    read = in_review("Dos camionetas siguieron a una compañera.")
    approved = rules.approved(read, RITA, read.fingerprint)
    assert isinstance(approved, Denunciation)
    assert not replace(approved, **other).publishable  # type: ignore[arg-type]
    changed = replace(read, **other)  # type: ignore[arg-type]
    assert rules.approved(changed, RITA, read.fingerprint) is Refusal.CHANGED


def test_an_urgent_action_says_until_when_and_not_a_day_that_is_over() -> None:
    draft = rules.returned(in_review("Dos camionetas."))
    assert isinstance(draft, Denunciation)
    urgent = replace(draft, kind=Kind.URGENT)
    assert rules.to_review(urgent, 1, NOW) is Refusal.NO_DATE
    for until, leaves in ((NOW, None), (NOW + timedelta(days=1), NOW + timedelta(days=2))):
        late = replace(urgent, act_by=until, publish_at=leaves)
        assert rules.to_review(late, 1, NOW) is Refusal.PAST
    good = replace(urgent, act_by=NOW + timedelta(days=3), publish_at=NOW + timedelta(hours=1))
    assert isinstance(rules.to_review(good, 1, NOW), Denunciation)


def test_a_language_more_is_a_part_of_the_whole() -> None:
    draft = rules.returned(in_review("Dos camionetas."))
    assert isinstance(draft, Denunciation)
    assert rules.translated(draft, Version("en", "Title", " ")) is Refusal.EMPTY
    assert rules.translated(draft, Version("en", "x" * 201, "y")) is Refusal.TOO_LONG
    for n, code in enumerate(("en", "tzo", "tze", "zai", "mix"), 1):
        draft = rules.translated(draft, Version(code, "Title", "Words"))
        assert isinstance(draft, Denunciation)
        assert len(draft.others) == n
    again = rules.translated(draft, Version("en", "Other title", "Words"))
    assert isinstance(again, Denunciation)
    assert len(again.others) == 5
    assert rules.translated(draft, Version("mam", "Title", "Words")) is Refusal.TOO_LONG


def test_one_other_is_asked_whatever_the_rules_say() -> None:
    assert Rules(needed=2, urgent=True).needed_for(Kind.URGENT) == 1
    assert Rules(needed=2, urgent=True).needed_for(Kind.PRESS) == 2
    assert Rules(reviewers=frozenset({RITA})).asked({RITA, ELSA, OLGA}, OLGA) == [RITA]
    assert Rules().asked({RITA, ELSA, OLGA}, OLGA) == [RITA, ELSA]
    assert Rules(reviewers=frozenset({OLGA})).asked({RITA, OLGA}, OLGA) == []
    known = Rules(2, frozenset({RITA}), 6, True)
    assert Rules.from_json(known.to_json()) == known
