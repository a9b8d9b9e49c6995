"""Documents leave as the pages that are seen, with nothing behind, below or before them."""

from __future__ import annotations

import asyncio
import base64
import shutil
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import ImageChops
from playwright.async_api import async_playwright

from bot.files.cleaner import Cleaner
from bot.files.values import Clean, Cleaned, Found, Kind, Limits, Reason, Refused
from tests.support.files.documents import (
    WORDS,
    drawn,
    form,
    jpeg_in,
    laden,
    letters,
    note,
    page,
    pictures,
    plain,
    revised,
    saved,
    words,
)
from tests.support.files.images import encoded, exif, picture, profile
from tests.support.files.raw import everything, exiftool, secret, secrets

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
CENTRE = (0, 0, 200, 140)
"""All of a page but the strip in which readers draw the sign of a note."""


async def cleaned(content: bytes, name: str = "Informe de Ana.pdf") -> Cleaned:
    return await Cleaner().cleaned(content, name)


async def clean(content: bytes) -> Clean:
    result = await cleaned(content)
    assert isinstance(result, Clean), result
    assert result.kind is Kind.PDF
    return result


def differ(one: bytes, other: bytes, number: int = 0) -> int:
    """By how much, of 255, two pages differ at most where it is most."""
    seen = ImageChops.difference(drawn(one, number).crop(CENTRE), drawn(other, number).crop(CENTRE))
    return max(high for _, high in seen.getextrema())


async def test_a_document_says_no_longer_who_wrote_it_when_and_with_what() -> None:
    sent = laden()
    assert len(secrets(sent)) > 25
    left = await clean(sent)
    assert secrets(left.content) == set()
    assert set(exiftool(left.content)) == {"PDF:PDFVersion", "PDF:Linearized", "PDF:PageCount"}
    assert b"/Annot" not in everything(left.content)
    assert left.found == {Found.ATTACHMENTS, Found.LINKS}
    assert left.name(2) == "documento-2.pdf"


async def test_the_pages_look_as_they_did() -> None:
    """Words, a photograph and a note with a look of its own; the colours of a profile by a hair."""
    sent = laden()
    left = (await clean(sent)).content
    assert differ(sent, left) < 16
    assert words(left).split() == [WORDS]
    blank = plain().replace(WORDS.encode(), b" " * len(WORDS))
    assert differ(sent, blank) > 100  # what is compared can be seen


async def test_the_photograph_inside_keeps_its_pixels_and_loses_the_rest() -> None:
    with Pdf.new() as pdf:
        page(pdf, "q 160 0 0 120 0 0 cm /Im Do Q", XObject=Dictionary(Im=jpeg_in(pdf)))
        sent = saved(pdf)
    assert {"SERIE", "LUGAR", "NOTA", "DETRAS"} <= secrets(sent)
    left = (await clean(sent)).content
    assert secrets(left) == set()
    assert left.count(b"\xff\xd8\xff") == 1
    assert b"Exif" not in left
    assert b"JFIF" not in left
    assert differ(sent, left) < 16


async def test_what_an_earlier_revision_said_is_gone() -> None:
    corrected = revised(plain(), WORDS, "Corregido")
    assert WORDS.encode() in corrected
    left = (await clean(corrected)).content
    assert words(left).strip() == "Corregido"
    assert WORDS.encode() not in everything(left)


async def test_two_who_export_the_same_leave_the_same_file() -> None:
    files = []
    for author in ("ANA", "BERTA"):
        with Pdf.new() as pdf:
            page(pdf)
            pdf.docinfo.Author = author
            files.append((await clean(saved(pdf))).content)
    assert files[0] == files[1]


async def test_text_that_is_not_shown_is_gone_and_what_follows_stays_in_place() -> None:
    """Scanners put the words that they read below the picture, also the ones blacked out in it."""
    hidden = f"BT /F1 9 Tf 12 TL 3 Tr 20 90 Td ({secret('LEIDO')}) Tj q 0 Tr (visto) ' Q "
    hidden += f"({secret('OTRO')}) ' ({secret('MAS')}) Tj 0 Tr (debajo) ' ET"
    sent = plain(hidden + " BT /F1 9 Tf 20 20 Td (final) Tj ET")
    left = (await clean(sent)).content
    assert secrets(left) == set()
    assert words(left).split() == [WORDS, "visto", "debajo", "final"]
    assert differ(sent, left) == 0


async def test_a_filled_in_form_stays_filled_in() -> None:
    with Pdf.new() as pdf:
        leaf = page(pdf)
        look = form(pdf, "BT /F1 9 Tf 2 5 Td (Oventic) Tj ET", Resources=leaf.Resources)
        name, value = String(secret("CAMPO")), String("Oventic")
        note(pdf, leaf, "/Widget", look, FT=Name.Tx, T=name, V=value)
        pdf.Root.AcroForm = Dictionary(Fields=leaf.Annots)
        sent = saved(pdf)
    left = (await clean(sent)).content
    assert secrets(left) == set()
    assert words(left).split() == [WORDS, "Oventic"]
    assert differ(plain(), left) > 100
    assert b"AcroForm" not in everything(left)


async def test_a_form_whose_drawing_is_left_to_the_reader_is_drawn() -> None:
    def empty_and_full(pdf: Pdf, leaf: Any) -> None:
        note(pdf, leaf, "/Widget", FT=Name.Tx, T=String("a"), V=String("Oventic"), DA=String("/F1 9 Tf"))
        note(pdf, leaf, "/Widget", FT=Name.Tx, T=String("b"), Rect=[100, 60, 160, 80])
        pdf.Root.AcroForm = Dictionary(Fields=leaf.Annots, NeedAppearances=True, DR=leaf.Resources)

    assert words((await clean(with_page(empty_and_full))).content).split() == [WORDS, "Oventic"]


async def test_notes_that_are_hidden_do_not_become_part_of_the_page() -> None:
    with Pdf.new() as pdf:
        leaf = page(pdf)
        look = form(pdf, f"BT /F1 9 Tf ({secret('OCULTA')}) Tj ET")
        note(pdf, leaf, "/Stamp", look, F=2)
        sent = saved(pdf)
    assert secrets((await clean(sent)).content) == set()


async def test_pages_in_pages_patterns_and_drawn_letters_are_redrawn_too() -> None:
    """Comments and marks hide in every stream that draws, not only in the page's."""
    mark = f"% {secret('COMENTARIO')}\n/P <</A ({secret('MARCA')})>> BDC EMC\n"
    with Pdf.new() as pdf:
        inner = form(pdf, mark + "1 0 0 rg 0 0 10 10 re f")
        outer = form(
            pdf, mark + "/In Do", Resources=Dictionary(XObject=Dictionary(In=inner)),
            PieceInfo=Dictionary(X=String(secret("PRIVADO"))),
        )  # fmt: skip
        tile = pdf.make_stream(
            (mark + "0 1 0 rg 0 0 4 4 re f").encode(), Type=Name.Pattern, PatternType=1, PaintType=1,
            TilingType=1, BBox=[0, 0, 8, 8], XStep=8, YStep=8, Resources=Dictionary(),
        )  # fmt: skip
        leaf = page(
            pdf, "/Out Do q /Pattern cs /T scn 40 40 60 60 re f Q BT /D 20 Tf 120 40 Td (AA) Tj ET",
            XObject=Dictionary(Out=outer), Pattern=Dictionary(T=tile),
        )  # fmt: skip
        leaf.Resources.Font.D = letters(pdf, (mark + "9 0 0 0 9 9 d1 0 0 9 9 re f").encode())
        sent = saved(pdf)
    left = (await clean(sent)).content
    assert secrets(left) == set()
    assert differ(sent, left) == 0


async def test_a_picture_inside_the_drawing_is_kept_if_every_part_of_it_is_known() -> None:
    known = "q 40 0 0 40 20 20 cm BI /W 2 /H 2 /BPC 8 /CS /G /F /AHx ID 00 ff ff 00 > EI Q"
    sent = plain(known)
    assert differ(sent, (await clean(sent)).content) == 0


async def printed(html: str) -> bytes:
    """What Chromium makes of a page."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        tab = await browser.new_page()
        await tab.set_content(html)
        made = await tab.pdf(width="300px", height="400px", tagged=True)
        await browser.close()
        return made


async def test_pictures_of_every_make_keep_their_pixels() -> None:
    with Pdf.new() as pdf:
        made = pictures(pdf)
        draw = "".join(f"q 25 0 0 25 {4 + 28 * n} 60 cm /{name} Do Q\n" for n, name in enumerate(made))
        page(pdf, draw, XObject=Dictionary(**made))
        sent = saved(pdf)
    left = (await clean(sent)).content
    assert differ(sent, left) < 3
    assert secrets(left) == set()
    for number, name in enumerate(made):
        seen = drawn(left).crop((4 + 28 * number, 75, 29 + 28 * number, 100))
        assert len(seen.getcolors(10_000) or []) > 1, f"{name} is not drawn"


async def test_what_a_browser_prints_is_cleaned_and_looks_the_same() -> None:
    """A real document of a real program, which puts a photograph in as it came."""
    data = base64.b64encode(encoded(picture(), "JPEG", exif=exif())).decode()
    sent = await printed(
        f"<title>{secret('TITULO')}</title><h1>{WORDS}</h1><p>¿Dónde están? ñandú 💚</p>"
        f"<a href='https://example.org/{secret('ENLACE')}'>más</a>"
        f"<img alt='{secret('FIGURA')}' src='data:image/jpeg;base64,{data}'>"
    )
    assert {"TITULO", "ENLACE", "SERIE"} <= secrets(sent)
    left = await clean(sent)
    assert secrets(left.content) == set()
    assert b"Skia" not in everything(left.content)
    assert ImageChops.difference(drawn(sent), drawn(left.content)).getbbox() is None
    assert words(left.content) == words(sent)


def with_page(change: Any) -> bytes:
    """A page to which something was done that makes it doubtful."""
    with Pdf.new() as pdf:
        change(pdf, page(pdf))
        return saved(pdf)


def redaction(pdf: Pdf, leaf: Any) -> None:
    note(pdf, leaf, "/Redact", form(pdf, "0 0 60 20 re f"))


def hidden_layer(pdf: Pdf, leaf: Any) -> None:
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Nombres")))
    leaf.Resources.Properties = Dictionary(L=layer)
    pdf.Root.OCProperties = Dictionary(OCGs=[layer], D=Dictionary(OFF=[layer]))


def portfolio(pdf: Pdf, leaf: Any) -> None:
    pdf.Root.Collection = Dictionary(Type=Name.Collection)


def dynamic_form(pdf: Pdf, leaf: Any) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=[], XFA=pdf.make_stream(b"<xdp/>"))


def lookless_note(pdf: Pdf, leaf: Any) -> None:
    note(pdf, leaf, "/FreeText", Contents=String("no"))


def only_image(pdf: Pdf, leaf: Any, data: bytes, **keys: Any) -> None:
    made = pdf.make_stream(
        data, Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8,
        ColorSpace=Name.DeviceGray, **keys,
    )  # fmt: skip
    leaf.Resources.XObject = Dictionary(I=made)


def answer_without_a_look(pdf: Pdf, leaf: Any) -> None:
    """A form filled in by a program that leaves the drawing to the reader."""
    note(pdf, leaf, "/Widget", FT=Name.Tx, T=String("campo"), V=String("Oventic"))
    pdf.Root.AcroForm = Dictionary(Fields=leaf.Annots)


def odd_picture(pdf: Pdf, leaf: Any) -> None:
    only_image(pdf, leaf, b"\0\0\0\x0cjP  ", Filter=Name.JPXDecode)


def picture_elsewhere(pdf: Pdf, leaf: Any) -> None:
    only_image(pdf, leaf, b"\0", F=String("/etc/passwd"))


def words_where_hidden_ones_end(pdf: Pdf, leaf: Any) -> None:
    leaf.Contents = pdf.make_stream(b"BT /F1 9 Tf 20 90 Td 3 Tr (oculto) Tj 0 Tr (visto) Tj ET")


def photograph_without_its_sign(pdf: Pdf, leaf: Any) -> None:
    """Whose filter's name was lost: its bytes, with all that they say, would be taken for pixels."""
    photograph = jpeg_in(pdf)
    del photograph.Filter
    leaf.Resources.XObject = Dictionary(I=photograph)


def photograph_of_no_kind(pdf: Pdf, leaf: Any) -> None:
    photograph = jpeg_in(pdf)
    photograph.Subtype = Name.Imagen
    del photograph.Filter
    leaf.Resources.XObject = Dictionary(I=photograph)


def profile_of_no_kind(pdf: Pdf, leaf: Any) -> None:
    leaf.Resources.ColorSpace = Dictionary(C=Array([Name.ICCBase, pdf.make_stream(profile(), N=3)]))


def photograph_in_a_letter(pdf: Pdf, leaf: Any) -> None:
    drawing = b"9 0 d0 BI /W 1 /H 1 /BPC 8 /CS /G /F /DCT ID \xff\xd8 EI"
    leaf.Resources.Font.D = letters(pdf, drawing)


@pytest.mark.parametrize(
    "change",
    [redaction, hidden_layer, portfolio, dynamic_form, lookless_note, answer_without_a_look,
     odd_picture,
     picture_elsewhere, photograph_in_a_letter, photograph_without_its_sign, photograph_of_no_kind,
     profile_of_no_kind, words_where_hidden_ones_end],
)  # fmt: skip
async def test_a_document_that_may_show_otherwise_than_its_copy_is_refused(change: Any) -> None:
    """Above all one with names marked for blacking out that are still below the mark."""
    assert await cleaned(with_page(change)) == Refused(Reason.DOUBTFUL)


async def test_layers_that_all_show_are_pages_like_any_other() -> None:
    def shown_layer(pdf: Pdf, leaf: Any) -> None:
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(secret("CAPA"))))
        pdf.Root.OCProperties = Dictionary(OCGs=[layer], D=Dictionary(Order=[layer]))

    assert secrets((await clean(with_page(shown_layer))).content) == set()


async def test_a_document_with_a_password_is_refused_and_one_that_only_forbids_printing_is_not() -> None:
    with Pdf.new() as pdf:
        page(pdf)
        locked = saved(pdf, encryption=pikepdf.Encryption(user="secreta", owner="secreta"))
        printing = saved(pdf, encryption=pikepdf.Encryption(user="", owner="otra", R=6))
    assert await cleaned(locked) == Refused(Reason.PASSWORD)
    assert words((await clean(printing)).content).strip() == WORDS


async def test_too_many_pages() -> None:
    with Pdf.new() as pdf:
        for _ in range(4):
            page(pdf)
        sent = saved(pdf)
    assert await Cleaner(Limits(pages=3)).cleaned(sent, "x.pdf") == Refused(Reason.TOO_MANY_PAGES, 3)
    result = await Cleaner(Limits(pages=4)).cleaned(sent, "x.pdf")
    assert isinstance(result, Clean)
    assert len(words(result.content).split()) == 4


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04" + b"\0" * 26 + b"word/document.xml", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99,
     b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.text", b"{\\rtf1 hola}"],
)  # fmt: skip
async def test_a_document_of_a_word_processor_is_refused_with_its_own_words(content: bytes) -> None:
    assert await cleaned(content, "denuncia.docx") == Refused(Reason.OFFICE)


async def test_a_plain_text_leaves_as_it_reads() -> None:
    result = await cleaned("\ufeffDónde están: ñ, 👩🏽‍🌾, ❤️\r\nK'iche'  \r\n".encode(), "Nota de Ana.TXT")
    assert result == Clean(Kind.TEXT, "Dónde están: ñ, 👩🏽‍🌾, ❤️\nK'iche'\n".encode())
    assert result.name(1) == "texto-1.txt"
    utf_16 = await cleaned("ñandú".encode("utf-16"), "a.txt")
    assert utf_16 == Clean(Kind.TEXT, "ñandú\n".encode())


async def test_marks_that_tell_one_copy_of_a_text_from_another_are_gone() -> None:
    """Who leaks a text that was sent to each with other invisible letters is found by them."""
    for copy in ("Ma\u200bñana\u2060 a\u00ad las 9", "Ma\u200cñana a las\ufe01 9\U000e0041",
                 "\u202eMa\u200d\u200dñana a las 9  "):  # fmt: skip
        left = await cleaned(copy.encode(), "a.txt")
        assert left == Clean(Kind.TEXT, "Mañana a las 9\n".encode())


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        ("Dónde".encode("latin-1"), "a.txt", Reason.ENCODING),
        (b"a\0b", "a.txt", Reason.ENCODING),
        (b"\xff\xfea", "a.txt", Reason.ENCODING),
        (b"  \r\n", "a.txt", Reason.EMPTY),
        (b"", "a.jpg", Reason.EMPTY),
        (b"<html><script>x</script>", "a.txt", Reason.UNKNOWN),
        (b"\xef\xbb\xbf <?xml version='1.0'?><svg/>", "a.txt", Reason.UNKNOWN),
        (b"BEGIN:VCARD\nFN:Ana", "a.txt", Reason.UNKNOWN),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", Reason.UNKNOWN),
        (b"hola", "hola.exe", Reason.UNKNOWN),
        (b"hola", "oirad\u202etxt.exe", Reason.UNKNOWN),
        (b"BM" + b"\0" * 60, "a.bmp", Reason.UNKNOWN),
        (b"II*\0" + b"\0" * 60, "a.tif", Reason.UNKNOWN),
        (b"\0\0\0\x18ftypisom" + b"\0" * 60, "a.mp4", Reason.MEDIA),
        (b"\0\0\0\x18ftypavif" + b"\0" * 60, "a.avif", Reason.UNKNOWN),
        (b"OggS" + b"\0" * 60, "nota-de-voz.ogg", Reason.MEDIA),
        (b"RIFF\0\0\0\0WAVE", "a.wav", Reason.MEDIA),
        (b"PK\x03\x04" + b"\0" * 60, "a.zip", Reason.UNKNOWN),
    ],
)
async def test_anything_else_is_refused_with_its_reason(
    content: bytes, name: str, reason: Reason
) -> None:
    assert await cleaned(content, name) == Refused(reason)


async def test_two_at_once_wait_for_each_other() -> None:
    cleaner = Cleaner()
    results = await asyncio.gather(*(cleaner.cleaned(plain(), "a.pdf") for _ in range(3)))
    assert len({result.content for result in results if isinstance(result, Clean)}) == 1
