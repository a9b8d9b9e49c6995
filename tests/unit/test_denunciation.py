"""The words that are published are those that the second person read."""

from dataclasses import replace

from bot.domain import denunciation as rules
from bot.domain.denunciation import Denunciation, Refusal, State

OLGA, RITA = 1, 2


def in_review(text: str) -> Denunciation:
    """Olga's words, shown to Rita."""
    written = rules.written(Denunciation(1, 1, 1, OLGA, "", ""), "Hostigamiento", text)
    assert isinstance(written, Denunciation)
    shown = rules.to_review(written)
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


def test_olga_does_not_approve_her_own_words() -> None:
    read = in_review("Dos camionetas siguieron a una compañera.")
    assert rules.approved(read, OLGA, read.fingerprint) is Refusal.AUTHOR
