"""A public archive for tests: two organisations, their denunciations, and pictures drawn here."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bot.archive import Built, PublicKey, Site, Statement, build
from bot.domain.denunciation import File
from bot.domain.publication import Kind, Publication, Version, Withdrawal, short

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
KEY = "RWSlY29hY3VlcnBhcnRvcHV0b3VyYm9kaWVzdG9nZXRoZXJsaWtldGhpcw"
URL = "https://archivo.example.org"

SITE = Site(
    title="Archivo de la Red",
    url=URL,
    contact="Red, red@example.org\nCanal: https://example.org/red",
    keys=(
        PublicKey(
            "0A1B2C3D4E5F6071", f"untrusted comment: minisign public key\n{KEY[:-4]}aBcD\n",
            datetime(2025, 1, 10, 18, tzinfo=UTC), datetime(2026, 6, 1, 18, tzinfo=UTC),
        ),
        PublicKey(
            "71605F4E3D2C1B0A", f"untrusted comment: minisign public key\n{KEY}\n",
            datetime(2026, 6, 1, 18, tzinfo=UTC),
        ),
    ),
    statements=(
        Statement(
            datetime(2026, 6, 1, 18, tzinfo=UTC),
            "Desde el 1 de junio de 2026 firmamos con la clave 71605F4E3D2C1B0A.\n",
            "untrusted comment: signature\nRUQ=\ntrusted comment: x\nRUQ=\n", "0A1B2C3D4E5F6071",
        ),
    ),
    zone="America/Mexico_City",
)  # fmt: skip


def picture(colour: str = "#9b7fb8", size: tuple[int, int] = (640, 400), form: str = "PNG") -> bytes:
    """An image drawn here."""
    image = Image.new("RGB", size, colour)
    pen = ImageDraw.Draw(image)
    pen.polygon([(0, size[1]), (size[0] // 3, size[1] // 3), (size[0], size[1])], "#3f2a56")
    pen.ellipse([size[0] * 2 // 3, 40, size[0] * 2 // 3 + 90, 130], "#f3d9a4")
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


PICTURE, PHOTO = picture(), picture("#88aac4", (900, 500), "JPEG")
PDF = b"%PDF-1.4\n% not opened by anybody\n" + b"\n" * 2000


def file(content: bytes, mime: str, alternative: str = "", name: str = "archivo") -> File:
    """A clean file of these bytes."""
    return File(1, name, mime, hashlib.sha256(content).hexdigest(), alternative)


RIVER = file(PICTURE, "image/png", "El río bajo el cerro, al atardecer")
MARCH = file(PHOTO, "image/jpeg", "Camino de la marcha, con el sol alto")
LETTER = file(PDF, "application/pdf", "Carta de la comunidad", "documento-1.pdf")
BYTES = {each.digest: content for each, content in ((RIVER, PICTURE), (MARCH, PHOTO), (LETTER, PDF))}


def content(asked: File) -> bytes | None:
    """What the bot's store of files gives."""
    return BYTES.get(asked.digest)


def sign(content: bytes, comment: str) -> str:
    """Looks like minisign's, and is the same for the same."""
    digest = hashlib.sha256(content + comment.encode()).hexdigest()
    return f"untrusted comment: signature\n{digest}\ntrusted comment: {comment}\n{digest}\n"


def code(seed: object) -> str:
    """One that could be a denunciation's."""
    return short(hashlib.sha256(str(seed).encode()).hexdigest())


def publication(
    number: int = 1, *versions: Version, kind: Kind = Kind.COMPLAINT, **more: object
) -> Publication:
    """A denunciation; each number has a code of its own."""
    values: dict[str, object] = {
        "code": code(number),
        "fingerprint": hashlib.sha256(f"{number}".encode()).hexdigest(),
        "number": number,
        "organisation": "Red",
        "kind": kind,
        "versions": versions or (Version("es", f"Título {number}", f"Palabras {number}."),),
        "published_at": NOW - timedelta(days=200 - number),
    }
    return Publication(**{**values, **more})  # type: ignore[arg-type]


URGENT_WORDS = (
    "Desde la mañana del lunes, hombres armados vigilan la casa de Ana y siguen su camino al trabajo.\n"
    "Ana acompaña a su comunidad en la defensa del río.\n\n"
    "Exigimos protección inmediata para Ana y su familia, y una investigación pronta e imparcial.\n\n"
    "Escribe a la oficina responsable: https://example.org/escribir (hay un modelo de carta)."
)
LONG_WORDS = "\n\n".join(
    f"{n}. La comunidad se reunió en asamblea y acordó seguir con la defensa pacífica del territorio. "
    "Pedimos que se respete la consulta, que cesen las amenazas y que se escuche a las mujeres que "
    "sostienen la vida del pueblo."
    for n in range(1, 7)
)
URGENT = publication(
    101,
    Version("es", "Protección para Ana, defensora del río", URGENT_WORDS),
    Version("en", "Protection for Ana, who defends the river",
            "Since Monday morning, armed men watch Ana’s house and follow the way to work.\n\n"
            "We demand protection at once.\n\nWrite to the office: https://example.org/write."),
    Version("tzo", "xx xx xx", "xx xx xx xx, xx xx.\n\nxx xx xx."),
    kind=Kind.URGENT, organisation="Colectivo", topics=("Agua", "Amenazas"), region="Sierra Norte",
    files=(RIVER, LETTER), act_by=NOW + timedelta(days=9), published_at=NOW - timedelta(days=2),
)  # fmt: skip
CLOSED = publication(
    98, Version("es", "Que Carla vuelva a su radio", "La radio comunitaria sigue cerrada."),
    kind=Kind.URGENT, act_by=NOW - timedelta(days=3), closed_at=NOW - timedelta(days=5),
    topics=("Radio",), region="Costa", published_at=NOW - timedelta(days=30),
)  # fmt: skip
FOLLOW_UP = publication(
    102, Version("es", "Ana tiene acompañamiento", "Desde ayer la acompaña una brigada."),
    kind=Kind.FOLLOW_UP, follows=URGENT.code, organisation="Colectivo",
    topics=("Agua",), region="Sierra Norte", published_at=NOW - timedelta(days=1),
)  # fmt: skip
CORRECTED = publication(
    97, Version("es", "La asamblea decide sobre su territorio", LONG_WORDS),
    Version("en", "The assembly decides on its territory", "The community met in assembly."),
    files=(MARCH,), topics=("Territorio",), corrected_at=NOW - timedelta(days=20),
    published_at=NOW - timedelta(days=40),
)  # fmt: skip
WITHDRAWN = publication(
    96, Version("es", "SECRETO del título", "SECRETO de las palabras, con Berta"),
    files=(file(b"SECRET", "text/plain"),), topics=("Agua",), published_at=NOW - timedelta(days=60),
    withdrawal=Withdrawal(NOW - timedelta(days=10), "La persona de la que hablaba lo pidió."),
)  # fmt: skip
PRESS = publication(
    95, Version("en", "Red opens its archive", "Every denunciation since 2025 can be read here."),
    kind=Kind.PRESS, published_at=NOW - timedelta(days=70),
)  # fmt: skip
TOWN = (URGENT, CLOSED, FOLLOW_UP, CORRECTED, WITHDRAWN, PRESS)
MANY = (*TOWN, *(publication(n, organisation="Colectivo", topics=("Agua",)) for n in range(1, 45)))


def built(folder: Path, publications: tuple[Publication, ...] = TOWN, **more: object) -> Built:
    """An archive of these, signed unless told otherwise."""
    values: dict[str, object] = {
        "site": SITE, "content": content, "sign": sign, "folder": folder, "now": NOW, **more,
    }  # fmt: skip
    site = values.pop("site")
    return build(site, publications, **values)  # type: ignore[arg-type]


def everything(folder: Path) -> Mapping[str, bytes]:
    """What the public sees: names and contents."""
    public = (folder / "public").resolve()
    return {
        p.relative_to(public).as_posix(): p.read_bytes() for p in public.rglob("*") if p.is_file()
    }


NASTY = (
    "<script>alert(1)</script>", "]]>", "\x00", "\x1b[2J", "\u202eabc", "\u2066\u202b", "\u2069\u202c",
    "\ufffe", "\x85", "\u2028", "&amp;", "{{ 7*7 }}", "{% raw %}", "../../etc/passwd", "--><!--",
    '" onmouseover="alert(1)', "javascript:alert(1)", "https://example.org/?a=1&b=<c>", "\r\n\r\n",
    "https://example.org@evil.example", "http://[", "\n\n", "\nTitle: x", "𝒜", "é",
)  # fmt: skip
words = st.lists(
    st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=12
).map("".join)
"""What somebody may write who means harm, among what anybody may."""
