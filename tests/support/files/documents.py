"""PDFs as offices and telephones make them, with what nobody sees in them."""

from __future__ import annotations

import re
import zlib
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from PIL import Image

from tests.support.files.images import encoded, exif, picture, profile, xmp
from tests.support.files.raw import secret

WORDS = "Denunciamos"
"""What can be read on every page made here."""


def form(pdf: Pdf, data: str, **keys: Any) -> Stream:
    """A drawing that pages and notes can bear."""
    return pdf.make_stream(
        data.encode(), Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 60, 20], **keys
    )


def note(pdf: Pdf, leaf: Any, kind: str, look: Stream | None = None, **keys: Any) -> None:
    """Lay something over a page."""
    made = Dictionary(Type=Name.Annot, Subtype=Name(kind), Rect=[20, 60, 80, 80], F=4)
    for key, value in keys.items():
        made[f"/{key}"] = value
    if look is not None:
        made.AP = Dictionary(N=look)
    leaf.Annots = Array([*leaf.get("/Annots", []), pdf.make_indirect(made)])


def letters(pdf: Pdf, drawing: bytes) -> Dictionary:
    """A font whose letter A is a drawing."""
    return Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontMatrix=Array([0.1, 0, 0, 0.1, 0, 0]),
        FontBBox=[0, 0, 9, 9], Widths=[10], FirstChar=65, LastChar=65,
        Encoding=Dictionary(Differences=[65, Name.A]),
        CharProcs=Dictionary(A=pdf.make_stream(drawing)),
    )  # fmt: skip


def jpeg_in(pdf: Pdf) -> Stream:
    """A photograph put in as it came from the telephone."""
    data = encoded(
        picture(), "JPEG", quality=95, exif=exif(), comment=secret("NOTA"), icc_profile=profile()
    )
    return pdf.make_stream(
        data + secret("DETRAS").encode(),
        Type=Name.XObject, Subtype=Name.Image, Width=160, Height=120, BitsPerComponent=8,
        ColorSpace=Array([Name.ICCBased, pdf.make_stream(profile(), N=3)]), Filter=Name.DCTDecode,
        Metadata=pdf.make_stream(xmp(), Type=Name.Metadata, Subtype=Name.XML),
    )  # fmt: skip


def pictures(pdf: Pdf) -> dict[str, Stream]:
    """By what is special: palettes in the drawing and beside it, masks, a fax, filters on each other."""
    palette = bytes(range(0, 255, 17)) * 3
    image = {"Type": Name.XObject, "Subtype": Name.Image}
    small = {**image, "Width": 16, "Height": 16, "BitsPerComponent": 8}
    large = {**small, "Width": 160, "Height": 120}
    rows = bytes(value % 15 for value in range(256))
    mask = pdf.make_stream(rows[::-1], ColorSpace=Name.DeviceGray, **small)
    beside = Array([Name.Indexed, Name.DeviceRGB, 14, pdf.make_stream(palette)])
    inside = Array([Name.Indexed, Name.DeviceRGB, 14, String(palette)])
    folded = zlib.compress(jpeg_in(pdf).read_raw_bytes())
    inks = encoded(picture().convert("CMYK"), "JPEG", exif=exif())  # with Adobe's sign: upside down
    # Colours as they are, and nothing but Adobe's sign to say so.
    signed = encoded(picture(), "JPEG", quality=95, keep_rgb=True, exif=exif())
    signed = re.sub(rb"(?<=\x03)R(..?)G\1B", lambda found: b"\1%b\2%b\3" % (found[1], found[1]), signed)
    assert b"\3\1" in signed
    fax = BytesIO()
    Image.frombytes("1", (16, 16), b"\xf0\x0f" * 16).save(fax, "TIFF", compression="group4")
    tags = Image.open(fax).tag_v2
    strip = fax.getvalue()[tags[273][0] :][: tags[279][0]]
    parameters = Dictionary(K=-1, Columns=16, Rows=16)
    bits = {**small, "BitsPerComponent": 1}
    return {
        "Masked": pdf.make_stream(rows, ColorSpace=beside, SMask=mask, **small),
        "Palette": pdf.make_stream(rows + secret("RESTO").encode(), ColorSpace=inside, **small),
        "Folded": pdf.make_stream(
            folded, Filter=Array([Name.FlateDecode, Name.DCTDecode]), ColorSpace=Name.DeviceRGB, **large
        ),
        "Inks": pdf.make_stream(
            inks, Filter=Name.DCTDecode, ColorSpace=Name.DeviceCMYK, Decode=[1, 0] * 4, **large
        ),
        "Signed": pdf.make_stream(
            signed, Filter=Name.DCTDecode, ColorSpace=Name.DeviceRGB, **large
        ),
        "Fax": pdf.make_stream(
            strip, Filter=Name.CCITTFaxDecode, DecodeParms=parameters, ColorSpace=Name.DeviceGray, **bits
        ),
        "Stencil": pdf.make_stream(b"\xaa\x55" * 16, ImageMask=True, **bits),
    }


def page(pdf: Pdf, content: str = "", **resources: Any) -> Any:
    """A small page with words on it, and whatever else it should draw."""
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    pdf.add_blank_page(page_size=(200, 160))
    made = pdf.pages[-1].obj
    made.Resources = Dictionary(Font=Dictionary(F1=font), **resources)
    words = f"BT /F1 14 Tf 20 130 Td ({WORDS}) Tj ET\n"
    made.Contents = pdf.make_stream((words + content).encode())
    return made


def saved(pdf: Pdf, **options: Any) -> bytes:
    """The file."""
    made = BytesIO()
    pdf.save(made, **options)
    return made.getvalue()


def plain(content: str = "", **resources: Any) -> bytes:
    """A page with nothing to hide."""
    with Pdf.new() as pdf:
        page(pdf, content, **resources)
        return saved(pdf, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)


def laden() -> bytes:
    """Everything at once: what a reader never shows and a search finds."""
    with Pdf.new() as pdf:
        made = page(
            pdf,
            f"% {secret('COMENTARIO')}\n/Span << /ActualText ({secret('ALTERNATIVO')}) >> BDC\n"
            f"q 80 0 0 60 20 40 cm /{secret('NOMBRE')} Do Q\nEMC\n/{secret('MARCA')} MP\n"
            f"BT 3 Tr /F1 9 Tf 20 20 Td ({secret('INVISIBLE')}) Tj ET\n",
            XObject=Dictionary({f"/{secret('NOMBRE')}": jpeg_in(pdf)}),
        )
        _about(pdf)
        _about_page(pdf, made)
        _notes(pdf, made)
        return saved(pdf) + secret("DETRAS").encode()


def _about(pdf: Pdf) -> None:
    """Of the whole document."""
    script = Dictionary(S=Name.JavaScript, JS=String(f"app.alert('{secret('GUION')}')"))
    pdf.docinfo.Author = secret("AUTORA")
    pdf.docinfo.Producer = secret("PROGRAMA")
    pdf.docinfo.CreationDate = "D:20261117090000-06'00'"
    root: Any = pdf.Root
    root.Metadata = pdf.make_stream(xmp(), Type=Name.Metadata, Subtype=Name.XML)
    root.OpenAction = script
    root.Lang = String(secret("LENGUA"))
    root.Names = Dictionary(JavaScript=Dictionary(Names=[String("a"), pdf.make_indirect(script)]))
    root.PageLabels = Dictionary(Nums=[0, Dictionary(P=String(secret("PAGINA")))])
    root.PieceInfo = Dictionary(Word=Dictionary(Private=String(secret("PRIVADO"))))
    intent = pdf.make_stream(profile(), N=3)
    root.OutputIntents = [Dictionary(S=Name.GTS_PDFA1, DestOutputProfile=intent, Info=secret("SALIDA"))]
    figure = Dictionary(S=Name.Figure, Alt=secret("FIGURA"))
    root.StructTreeRoot = pdf.make_indirect(Dictionary(K=[figure]))
    pdf.attachments["plan.txt"] = secret("ADJUNTO").encode()
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem(secret("INDICE"), 0))
    pdf.trailer.ID = Array([String(secret("ID")), String(secret("ID"))])


def _about_page(pdf: Pdf, made: Any) -> None:
    thumbnail = Dictionary(Width=1, Height=1, BitsPerComponent=8, ColorSpace=Name.DeviceGray)
    made.Thumb = pdf.make_stream(secret("MINIATURA").encode(), thumbnail)
    made.PieceInfo = Dictionary(Draw=Dictionary(Private=String(secret("PRIVADO"))))
    made.AA = Dictionary(O=Dictionary(S=Name.JavaScript, JS=String(secret("ABRIR"))))
    made.LastModified = String(secret("FECHA"))
    made.Metadata = pdf.make_stream(xmp())


def _notes(pdf: Pdf, made: Any) -> None:
    about = {"T": String(secret("AUTORA")), "Contents": String(secret("NOTA"))}
    note(pdf, made, "/Square", form(pdf, "0.8 0.9 0.2 rg 0 0 60 20 re f"), **about)
    note(pdf, made, "/Text", Rect=[0, 0, 9, 9], **about)
    note(pdf, made, "/Popup", Rect=[0, 0, 9, 9], **about)
    address = String(f"https://example.org/{secret('ENLACE')}")
    note(pdf, made, "/Link", A=Dictionary(S=Name.URI, URI=address), Border=[0, 0, 0])


def revised(first: bytes, old: str, new: str) -> bytes:
    """A later revision behind the first, as programs that save quickly write it (ISO 32000-2, 7.5.6)."""
    number, body = next(
        (int(match[1]), match[2])
        for match in re.finditer(rb"(\d+) 0 obj\n(.*?)endobj", first, re.DOTALL)
        if old.encode() in match[2]
    )
    content = re.search(rb"stream\n(.*?)\n?endstream", body, re.DOTALL)
    assert content is not None
    data = content[1].replace(old.encode(), new.encode())
    replaced = b"<< /Length %d >>\nstream\n%b\nendstream\n" % (len(data), data)
    at = len(first)
    previous = int(re.findall(rb"startxref\n(\d+)", first)[-1])
    root = re.findall(rb"/Root (\d+ 0 R)", first)[-1]
    size = re.findall(rb"/Size (\d+)", first)[-1]
    added = b"%d 0 obj\n%bendobj\n" % (number, replaced)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, at)
    trailer = b"trailer << /Size %b /Root %b /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        size, root, previous, at + len(added),
    )  # fmt: skip
    return first + added + table + trailer


def drawn(content: bytes, number: int = 0) -> Image.Image:
    """A page as a reader that is not ours shows it."""
    document = pypdfium2.PdfDocument(content)
    image = document[number].render(scale=1).to_pil().convert("RGB")
    document.close()
    return image


def words(content: bytes) -> str:
    """All that can be selected on the pages."""
    document = pypdfium2.PdfDocument(content)
    read = "\n".join(leaf.get_textpage().get_text_range() for leaf in document)
    document.close()
    return read
