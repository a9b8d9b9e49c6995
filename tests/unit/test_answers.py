"""Answers to "are you well?": nothing unclear is ever well, and no call for help is overheard."""

from __future__ import annotations

import time
import tomllib
import unicodedata
from importlib.resources import files
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import answers
from bot.domain.answers import (
    AFFIRMED,
    HINTS,
    READ,
    Answer,
    hints,
    plain,
    says_arrived,
    understand,
    understand_yes_no,
)

OK, HELP, LATER, UNCLEAR = Answer.OK, Answer.HELP, Answer.LATER, Answer.UNCLEAR

WORDS = tomllib.loads(files("bot.domain").joinpath("answer_words.toml").read_text("utf-8"))


def listed(name: str) -> list[str]:
    """A list of answer_words.toml, of all languages."""
    return [phrase for words in WORDS.values() for phrase in words.get(name, ())]


# --- well ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "bien", "Bien.", "OK", "ok!", "estoy bien", "todo bien", "sí, todo en orden", "Sí estoy bien",
    "muy bien gracias", "bien, gracias a Dios, compa. Un abrazo", "aquí andamos, todo tranquilo",
    "sin novedad", "llegué bien", "ya en casa, todo bien", "sana y salva",
    "buenas noches, estoy bien", "I'm fine", "I am fine", "im ok", "all good",
    "everything's ok, thanks", "I’m okay", "still safe", "good morning, all good", "yes, I'm fine",
    "Bien ❤️", "ok 🙏🏾",
])  # fmt: skip
def test_who_says_that_they_are_well_is_well(text: str) -> None:
    assert understand(text) is OK


@pytest.mark.parametrize(
    "text", ["👍", "👍🏾", "👍👍👍", "✅", "👌", "👌🏽", "☑️", "✔️", "🆗", "👍 gracias"]
)
def test_a_thumb_of_any_colour_is_well(text: str) -> None:
    assert understand(text) is OK


@pytest.mark.parametrize("text", [
    "bein", "vien", "bn", "biem", "biien", "estoi bien", "esoty bien", "todo vien", "tdo bien",
    "okk", "okkkk", "biennnnn", "BIEEEEN", "toy bien", "todo bine", "todo en oredn", "fien",
    "im finee", "goood", "grcias, todo bien", "akí todo bien",
])  # fmt: skip
def test_a_hasty_thumb_is_forgiven(text: str) -> None:
    assert understand(text) is OK


@pytest.mark.parametrize("text", [
    "ＢＩＥＮ", "𝐛𝐢𝐞𝐧", "ⓑⓘⓔⓝ", "bіеn", "ок", "b\u200bi\u200ce\u200dn", "\u202ebien\u202c",
    "\u200fbien", "\ufeffbien", "bien\u2800", "b\u0301i\u0301e\u0301n\u0301", "¡¡bien!!", "«bien»",
    "  bien\n\n", "bien\u00a0", "ESTOY\u3000BIEN", "sí\u0301 bien", "ʙɪᴇɴ",
])  # fmt: skip
def test_what_looks_like_bien_is_read_as_bien(text: str) -> None:
    assert understand(text) is OK


def test_a_long_answer_of_nothing_but_well_is_well() -> None:
    text = "Hola compas, buenas noches, estoy muy bien, todo tranquilo por aquí, muchas gracias"
    assert len(text) > 60
    assert understand(text) is OK


@pytest.mark.parametrize(
    "text", ["Bien, ¿y tú?", "ok and you?", "todo bien ¿y ustedes? gracias", "bien y vos?"]
)
def test_who_asks_back_politely_is_well(text: str) -> None:
    assert understand(text) is OK


# --- not well -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "no estoy bien", "No estoy bien", "NO ESTOY BIEN", "no estoi vien", "no  estoy\u200b bien",
    "no estoy muy bien", "ya no estoy bien", "no me siento bien", "no bien", "nada bien", "not ok",
    "I'm not ok", "im not fine", "i am not well", "not good", "mal", "muy mal", "estoy mal",
    "estoy bien mal", "todo mal", "mal, gracias", "👎", "ok 👎", "no estoy bien 👍",
    "i don't feel safe", "todo bien no, estoy mal",
])  # fmt: skip
def test_no_estoy_bien_is_never_counted_as_well(text: str) -> None:
    assert understand(text) is HELP


@pytest.mark.parametrize("text", [
    "no", "no, estoy bien", "no. todo bien", "no\nestoy bien", "bien no", "ok no", "bien, no?",
    "nestoy bien", "noestoy bien", "n estoy bien", "ni bien ni mal", "no se", "not bad",
    "no estoy mal", "más o menos", "regular", "casi bien", "bien pero cansada", "ok pero",
    "bien jodida", "supuestamente bien", "if ok", "unfine", "inok", "sin estar bien",
    "tampoco bien", "jamás bien", "never fine", "hardly ok", "aint ok",
])  # fmt: skip
def test_a_denied_or_mixed_well_is_asked_again(text: str) -> None:
    assert understand(text) is UNCLEAR


@pytest.mark.parametrize("text", [
    "¿estás bien?", "estás bien", "are you ok?", "are you ok", "bien?", "¿bien", "ok?", "ok？",
    "ok؟", "bien ❓", "ok??", "you ok", "you ok?", "y tú?", "¿y tú? bien", "ok you good",
    "todo bien?", "am i ok",
])  # fmt: skip
def test_a_question_is_no_answer(text: str) -> None:
    assert understand(text) is UNCLEAR


@pytest.mark.parametrize("text", [
    "si estuviera bien", "ojalá bien", "creo que estoy bien", "espero estar bien",
    "I think I'm ok", "i hope so", "estaba bien", "we were fine", "we're fine until now but",
    "estaré bien", "ella está bien", "he is ok", "maybe ok", "tal vez bien", "que esté bien",
])  # fmt: skip
def test_a_hope_a_memory_or_somebody_else_is_no_answer(text: str) -> None:
    assert understand(text) is UNCLEAR


@pytest.mark.parametrize("text", [
    "fire", "im fire", "fin", "find", "god", "oh god", "save", "been", "ben", "toro", "esto",
    "here", "llego", "anger", "hell", "held", "hello", "socio", "emergente", "peligroso",
    "ayudante", "exilio", "Aurelio", "aguda",
])  # fmt: skip
def test_another_real_word_is_not_a_typing_error(text: str) -> None:
    assert understand(text) is UNCLEAR


@pytest.mark.parametrize(
    "text",
    [
        "sí",
        "si",
        "yes",
        "todo",
        "gracias",
        "hola",
        "buenas noches",
        "good morning",
        "estoy",
        "❤️",
        "🙏",
        "hasta luego",
        "see you later",
        "see you",
        "ya llegué",
    ],
)
def test_courtesy_alone_says_nothing(text: str) -> None:
    assert understand(text) is UNCLEAR


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n",
        ".",
        "?",
        "\u200b",
        "\u202e",
        "\ud800",
        "\0",
        "1",
        "😭",
        "bien 😭",
        "neib",
        "asdf",
        "🧻",
        "/",
        "|",
        "<b>ok</b>",
        "a" * 5000,
    ],
)
def test_noise_is_asked_about(text: str) -> None:
    assert understand(text) is UNCLEAR


def test_every_phrase_of_well_is_well_and_with_a_no_before_it_never() -> None:
    for phrase in listed("ok"):
        assert understand(phrase) is OK, phrase
        for no in ("no", "not", "ni", "nunca", "tampoco", "ya no", "never", "isnt", "nada"):
            assert understand(f"{no} {phrase}") is not OK, (no, phrase)
            assert understand(f"{phrase} {no}") is not OK, (no, phrase)


def test_fillers_and_courtesy_never_add_up_to_well() -> None:
    for phrase in (*listed("filler"), *listed("polite"), *listed("counter_questions")):
        assert understand(phrase) is UNCLEAR, phrase
    assert understand("hola estoy todo muy gracias") is UNCLEAR


# --- help ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "ayuda", "AYUDA!!!", "auxilio", "help", "sos", "SOS", "s.o.s.", "S O S", "🆘",
    "necesito ayuda", "/auxilio", "!auxilio", "ayúdenme", "me ayudan por favor",
    "me pueden ayudar?", "help me", "can you help me?", "¿ayuda?", "socorro", "estoy en peligro",
    "emergencia", "me están siguiendo", "me detuvieron", "i was arrested", "nos siguen",
    "me siguen dos tipos en moto desde hace rato", "call the police",
])  # fmt: skip
def test_who_calls_for_help_is_heard(text: str) -> None:
    assert understand(text) is HELP


@pytest.mark.parametrize("text", [
    "auxlio", "ayudaa", "axilio", "hlep", "hepl", "elp", "ayda", "alluda", "aiuda", "ausilio",
    "auslio", "uxilio", "auxiliooo", "aaayyyuuudaaa", "nesesito ayuda", "necesitoayuda",
    "emerjensia", "ayudenmen", "a y u d a", "ay uda", "he lp", "aуudа", "ＨＥＬＰ", "a\u200byuda",
    "ayu\u0301da", "a.y.u.d.a", "hhheeeelllppp", "soooos", "peligor", "ok s.o.s. aquí",
])  # fmt: skip
def test_a_shaking_hand_is_heard(text: str) -> None:
    assert understand(text) is HELP


@pytest.mark.parametrize("text", [
    "ok pero ayuda", "help ok", "estoy bien, ayuda", "👍🆘", "todo bien todo bien todo bien sos",
    "luego ayuda", "sí, todo en orden. ayúdame", "no, necesito ayuda", "no. ayuda",
    "no puedo, necesito ayuda", "no necesito ayuda, ¡AYUDA!", "gracias por la ayuda, me siguen",
])  # fmt: skip
def test_help_outweighs_everything_beside_it(text: str) -> None:
    assert understand(text) is HELP


@pytest.mark.parametrize("text", [
    "no necesito ayuda", "I don't need help", "i do not need help",
    "estoy bien, no necesito ayuda", "No nesecito ayuda", "ya no necesito ayuda",
    "no es una emergencia", "gracias por la ayuda", "estoy bien, gracias por tu ayuda",
    "puedo ayudar", "how can i help?", "taller de primeros auxilios", "vos sos un amor",
    "quién sos", "fuera de peligro",
])  # fmt: skip
def test_help_that_is_denied_is_asked_about_and_never_well(text: str) -> None:
    assert understand(text) is UNCLEAR


def test_every_listed_alarm_is_heard_with_an_ok_on_either_side() -> None:
    for phrase in (*listed("help_words"), *listed("help_phrases")):
        for text in (phrase, f"ok, {phrase}", f"{phrase}, ok", f"{phrase}!!!", phrase.upper()):
            assert understand(text) is HELP, text


def test_every_listed_denial_is_asked_about() -> None:
    for phrase in listed("not_help"):
        assert understand(phrase) is UNCLEAR, phrase
        assert understand(f"estoy bien, {phrase}") is UNCLEAR, phrase


STORY = "Ayer fuimos al mercado y luego regresamos por el camino viejo sin ver nada raro. "


def test_help_at_the_start_or_end_of_a_story_is_heard() -> None:
    assert understand("ayuda " + STORY * 100) is HELP
    assert understand(STORY * 100 + " ayuda") is HELP


def test_a_word_deep_inside_a_story_is_no_alarm_and_no_well() -> None:
    assert understand(STORY * 400 + "la ayuda llegó " + STORY * 400) is UNCLEAR


def test_a_message_of_ordinary_length_is_read_whole() -> None:
    assert understand(STORY * 2 + "ayuda " + STORY * 2) is HELP


def test_well_at_the_ends_of_a_long_text_is_no_well() -> None:
    assert understand("bien " * 40) is OK
    assert understand("bien " * READ) is UNCLEAR
    assert understand("bien " * READ + STORY * 400 + "bien " * READ) is UNCLEAR


def test_invisible_padding_hides_nothing() -> None:
    for pad in ("\u200b", "\u0301", " ", "\u3164", "\ue000"):
        assert understand(pad * 30_000 + "ayuda" + pad * 30_000) is HELP
        assert understand(pad * 30_000 + "bien" + pad * 30_000) is OK
        assert understand("bien" + pad * 30_000 + " no") is UNCLEAR


@given(st.text(max_size=60))
def test_whatever_is_written_around_a_call_for_help_it_is_not_well(noise: str) -> None:
    for text in (f"{noise} ayuda", f"help {noise}"):
        assert understand(text) in (HELP, UNCLEAR)


@given(st.text(max_size=80))
def test_any_text_at_all_gets_some_answer(text: str) -> None:
    assert understand(text) in Answer
    assert understand_yes_no(text) in (True, False, None)


@given(
    st.lists(
        st.sampled_from(sorted(listed("ok") + listed("filler") + listed("polite"))), max_size=6
    ),
    st.sampled_from(
        ["no", "pero", "but", "not", "si no", "mal", "casi", "xyz", "ella", "😭", "7", "?"]
    ),
    st.integers(0, 6),
)
def test_one_foreign_word_among_harmless_ones_is_enough_to_ask(
    harmless: list[str], foreign: str, at: int
) -> None:
    assert understand(" ".join([*harmless[:at], foreign, *harmless[at:]])) is not OK


# --- later --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "después", "despues", "más tarde", "mas tarde", "luego", "later", "al rato", "en un rato",
    "ahorita no puedo", "not now", "ok, luego", "ok later", "despuez", "depsués", "luegoo",
    "luego te digo, gracias", "espérame",
])  # fmt: skip
def test_later_is_later_even_with_an_ok(text: str) -> None:
    assert understand(text) is LATER


@pytest.mark.parametrize(
    "text",
    ["¿después?", "después del trabajo voy", "fuego", "luego de eso me fui", "late", "llego"],
)
def test_what_only_sounds_like_later_is_asked_about(text: str) -> None:
    assert understand(text) is UNCLEAR


# --- yes and no ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "sí",
        "si",
        "Sí.",
        "siii",
        "yes",
        "acepto",
        "sí, acepto",
        "claro que sí",
        "ok",
        "👍🏿",
        "de acuerdo, gracias",
        "I agree",
        "y",
        "por favor sí",
        "ＳＩ",
    ],
)
def test_a_yes_is_yes(text: str) -> None:
    assert understand_yes_no(text) is True


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "No.",
        "nooo",
        "nel",
        "nope",
        "no acepto",
        "no, gracias",
        "claro que no",
        "i don't agree",
        "❌",
        "👎🏽",
        "todavía no",
        "cancelar",
        "n",
    ],
)
def test_a_no_is_no(text: str) -> None:
    assert understand_yes_no(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sí?",
        "¿sí?",
        "si no",
        "no sí",
        "sí y no",
        "sí pero",
        "sí, grcias",
        "quizá",
        "gracias",
        "bien",
        "so",
        "np",
        "acepta",
        "aceto",
        "yes if",
        "no sé",
        "y si no acepto",
        "sí " * 201,
    ],
)
def test_anything_else_is_neither(text: str) -> None:
    assert understand_yes_no(text) is None


def test_the_listed_confirmations_are_what_they_say() -> None:
    for phrase in listed("yes"):
        assert understand_yes_no(phrase) is True, phrase
        assert understand_yes_no(f"no {phrase}") is not True, phrase
    for phrase in listed("no"):
        assert understand_yes_no(phrase) is False, phrase


# --- the data and the cost ----------------------------------------------------------------------


def test_the_word_lists_contradict_nowhere() -> None:
    whole = ["ok", "filler", "polite", "counter_questions", "later", "unwell"]
    for names in (whole, ["help_words", "help_phrases", "not_help"], ["yes", "no"]):
        seen: dict[str, str] = {}
        for name in names:
            for phrase in listed(name):
                assert seen.setdefault(plain(phrase), name) == name, phrase


def test_forgiven_words_are_long_enough_to_be_told_from_others() -> None:
    for word in listed("forgiven"):
        assert len(list(groupby(plain(word)))) >= 4, word


def test_every_known_key_and_no_other_is_in_the_file() -> None:
    known = {
        "ok",
        "filler",
        "polite",
        "counter_questions",
        "later",
        "unwell",
        "arrived",
        "affirmed",
        "all_here",
        "battery",
        "signal",
        "help_words",
        "help_phrases",
        "not_help",
        "yes",
        "no",
        "forgiven",
        "never_typo",
        "spellings",
    }
    for words in WORDS.values():
        assert set(words) <= known


@pytest.mark.parametrize("text", [
    "a", "ab", "ayud ", "bien ", "no necesito ", " ", "\n", "?", "\u0301", "\u200b",
    "e\u0301\u0327\u0300", "a\u0301 ", "ﷺ", "👍", "\u3164", "i am ", "\U0001f3fb", "s.", "'",
    "a\n", "ñ", "\u1100\u1161",
], ids=ascii)  # fmt: skip
def test_64_kib_of_anything_take_no_longer_than_to_look_thirty_times_at_each_letter(text: str) -> None:
    """On a quick machine that is less than a tenth of a second."""
    flood = (text * 65536)[:65536]
    took = min(_seconds(flood) for _ in range(9))
    assert took < 30 * min(_looking(flood) for _ in range(9))


def _looking(text: str) -> float:
    start = time.thread_time()
    for letter in text:
        unicodedata.category(letter)
    return time.thread_time() - start


def _seconds(text: str) -> float:
    for kept in (answers.plain, answers._read, answers._named):
        kept.cache_clear()
    start = time.thread_time()
    understand(text)
    understand_yes_no(text)
    return time.thread_time() - start


def test_plain_text_is_linear_even_for_heaps_of_accents() -> None:
    # unicodedata.normalize alone needs seconds for this: it sorts the marks of one letter.
    heap = "a" + "\u0301\u0327" * 32768
    assert len(unicodedata.normalize("NFC", "é")) == 1
    start = time.thread_time()
    assert plain(heap) == "a"
    assert time.thread_time() - start < 0.2


# --- what answers other questions ---------------------------------------------------------------


def test_low_battery_answers_an_open_question_and_never_beside_distress() -> None:
    for text in listed("battery") + listed("signal"):
        assert understand(text, also=HINTS) is Answer.OK, text
        assert understand(text) is Answer.UNCLEAR, text
        assert hints(text), text
        for distress in ("no estoy bien", "me siguen", "ayuda", "mal", "I am not ok", "unsafe"):
            for both in (f"{text}, {distress}", f"{distress} {text}"):
                assert understand(both, also=HINTS) is Answer.HELP, both
        for unclear in ("no sé", "pero", "no", "¿y ahora?"):
            assert understand(f"{unclear}, {text}", also=HINTS) is not Answer.OK


def test_arrived_is_said_of_oneself_alone() -> None:
    for text in listed("arrived"):
        assert says_arrived(text), text
        assert says_arrived(f"{text}, todo bien"), text
        assert not says_arrived(f"no {text}"), text
        assert not says_arrived(f"{text}, me siguen"), text
        assert not says_arrived(f"{text}?"), text
    for text in ("sí", "bien", "yes", "estoy bien", "lleguen", "no llegué"):
        assert not says_arrived(text), text
    for text in listed("affirmed"):
        assert understand(text, also=(AFFIRMED,)) is Answer.OK, text
        assert understand(text) is Answer.UNCLEAR, text
