"""A PDF: its pages drawn into a new document, into which nothing comes that is not known to draw.

The old document is read and left; only what `pdf_kept.toml` names is copied. So its information, XMP,
ids, earlier revisions, attachments, scripts, forms, links, bookmarks, comments, alternative texts,
thumbnails and private data of programs stay behind without being looked for. Notes and filled-in
fields become part of the page, as they are seen. Where it is not certain that what is seen and what
is copied are the same, the document is refused.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf, Stream, StreamDecodeLevel

from bot.files.jpeg_stream import stripped
from bot.files.pdf_content import redrawn
from bot.files.pdf_kept import COMPRESSED, KEYS, PARAMETERS
from bot.files.refusal import Refusal
from bot.files.values import Clean, Found, Kind, Limits, Reason

CATEGORIES = ("/ExtGState", "/ColorSpace", "/Pattern", "/Shading", "/XObject", "/Font")
DEVICES = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}
PROFILES = (b"GRAY", b"RGB ", b"CMYK")  # of colours that a device's own are near (ICC.1, 7.2.6)
INVISIBLE_NOTES = frozenset(["/Link", "/Popup", "/Text", "/FileAttachment", "/Widget"])
"""Annotations that a page does not show if they bring no appearance of their own."""
DATA = frozenset(
    ["/FontFile", "/FontFile2", "/FontFile3", "/CIDToGIDMap", "/ToUnicode", "/Encoding", "/UseCMap"]
)
"""Where a stream that neither draws nor is a picture is met; functions and shadings say it themselves."""
COMMENT = re.compile(rb"(?m)^%[^\r\n]*")


def _open_the_source_of_chance() -> None:
    """The cipher of protected documents opens /dev/urandom at its first use; later it could not."""
    with Pdf.new() as pdf:
        pdf.save(BytesIO(), encryption=pikepdf.Encryption(owner="x", user="", R=6))


_open_the_source_of_chance()


def cleaned(content: bytes, limits: Limits) -> Clean:
    """The same pages without anything else. Raises `Refusal`, and what pikepdf raises."""
    try:
        with Pdf.open(BytesIO(content), attempt_recovery=False) as old:
            if len(old.pages) > limits.pages:
                raise Refusal(Reason.TOO_MANY_PAGES)
            found = _found(old)
            old.generate_appearance_streams()
            _check(old)
            old.flatten_annotations("screen")
            with Pdf.new() as new:
                _Copy(old, new).pages()
                if old.get_warnings():
                    raise Refusal(Reason.DAMAGED)
                written = BytesIO()
                new.save(
                    written, deterministic_id=True, object_stream_mode=ObjectStreamMode.generate
                )
    except pikepdf.PasswordError:
        raise Refusal(Reason.PASSWORD) from None
    if written.tell() > limits.size:
        raise Refusal(Reason.TOO_LARGE)
    return Clean(Kind.PDF, written.getvalue(), found)


def _notes(page: Any) -> list[Any]:
    notes = page.get("/Annots", [])
    return [note for note in notes if isinstance(note, Dictionary)]


def _found(old: Pdf) -> frozenset[Found]:
    """What its author should hear of."""
    found = set()
    notes = {str(note.get("/Subtype", "")) for page in old.pages for note in _notes(page.obj)}
    if len(old.attachments) or "/AF" in old.Root or "/FileAttachment" in notes:
        found.add(Found.ATTACHMENTS)
    if "/Link" in notes:
        found.add(Found.LINKS)
    return frozenset(found)


def _check(old: Pdf) -> None:
    """Refuse what a reader would show otherwise than the copy. Raises `Refusal`."""
    root: Any = old.Root
    layers = root.get("/OCProperties", Dictionary()).get("/D", Dictionary())
    doubt = (
        len(layers.get("/OFF", [])) > 0
        or len(layers.get("/AS", [])) > 0
        or layers.get("/BaseState", Name.ON) != Name.ON
        or "/Collection" in root
        or "/XFA" in root.get("/AcroForm", Dictionary())
    )
    for page in old.pages:
        for note in _notes(page.obj):
            kind = str(note.get("/Subtype", ""))
            # Marked for blacking out and not yet blacked out: what is below is still there.
            doubt = doubt or kind == "/Redact"
            if "/AP" not in note:
                doubt = doubt or kind not in INVISIBLE_NOTES or _filled_in(note)
    if doubt:
        raise Refusal(Reason.DOUBTFUL)


def _filled_in(note: Any) -> bool:
    """Whether a field of a form, or the one that it is a part of, holds something."""
    value = note.get("/V", note.get("/Parent", Dictionary()).get("/V", ""))
    return str(value) not in ("", "/Off")


class _Copy:
    """The way from one document to the other."""

    def __init__(self, old: Pdf, new: Pdf) -> None:
        self._old = old
        self._new = new
        self._made: dict[tuple[tuple[int, int], str], Any] = {}
        self._names: dict[tuple[str, str], Name] = {}

    def pages(self) -> None:
        """Every page, in order."""
        for page in self._old.pages:
            page.externalize_inline_images()
            made = Dictionary(
                Type=Name.Page,
                MediaBox=self._value(page.cropbox),
                Resources=self._resources(page.resources),
                Contents=self._new.make_stream(redrawn(page, self._rename)),
            )
            for key in ("/Rotate", "/UserUnit", "/Group"):
                if key in page.obj:
                    made[key] = self._value(page.obj[key])
            self._new.pages.append(pikepdf.Page(self._new.make_indirect(made)))

    def _rename(self, category: str, name: str) -> Name:
        """Names of resources are ours: some programs name them after files."""
        return self._names.setdefault((category, name), Name(f"/N{len(self._names)}"))

    def _value(self, old: Any, role: str = "") -> Any:
        """A copy of whatever it is. `role` is the key under which it was found."""
        match old:
            case Stream():
                return self._once(old, role, self._stream)
            case Dictionary():
                return self._once(old, role, self._dictionary)
            case Array():
                if len(old) > 1 and old[0] == Name.ICCBased:
                    return _device(old[1])
                if len(old) > 3 and old[0] == Name.Indexed and isinstance(old[3], Stream):
                    table = pikepdf.String(old[3].read_bytes(StreamDecodeLevel.specialized))
                    return Array([Name.Indexed, self._value(old[1], role), old[2], table])
                return Array([self._value(each, role) for each in old])
            case pikepdf.Object():
                return pikepdf.Object.parse(old.unparse(resolved=True))
            case _:
                return old

    def _once(self, old: Any, role: str, copy: Any) -> Any:
        """What is shared in the old document is shared in the new one, rings included."""
        if not old.is_indirect:
            return copy(old, role, None)
        key = (old.objgen, role)
        if key not in self._made:
            empty = isinstance(old, Stream)
            self._made[key] = (
                self._new.make_stream(b"") if empty else self._new.make_indirect(Dictionary())
            )
            copy(old, role, self._made[key])
        return self._made[key]

    def _dictionary(self, old: Any, role: str, made: Any) -> Any:
        made = Dictionary() if made is None else made
        if role == "/Resources":
            for category in CATEGORIES:
                if category in old:
                    made[category] = self._map(old[category], category)
        elif role in ("/CharProcs", "/Colorants"):
            # The names are those of characters and inks.
            for key in old:
                made[key] = self._value(old[key], "/CharProc" if role == "/CharProcs" else "")
        else:
            self._keys(old, made)
        return made

    def _resources(self, old: Any) -> Any:
        return self._value(old, "/Resources")

    def _map(self, old: Any, category: str) -> Any:
        made = Dictionary()
        for key in old:
            if not key.startswith("/Default"):  # stands for a device's colours; these are the device's
                made[self._rename(category, key)] = self._value(old[key])
        return made

    def _keys(self, old: Any, made: Any) -> None:
        for key in old:
            if key in KEYS:
                made[key] = self._value(old[key], key)

    def _stream(self, old: Any, role: str, made: Any) -> Any:
        self._keys(old, made)
        filters = old.get("/Filter", [])
        names = [str(each) for each in ([filters] if isinstance(filters, Name) else filters)]
        subtype = str(old.get("/Subtype", ""))
        if subtype == "/Image":
            self._image(old, names, made)
            return made
        if not COMPRESSED.issuperset(names) or "/F" in old:
            raise Refusal(Reason.DOUBTFUL)
        if subtype == "/Form" or role == "/CharProc" or old.get("/PatternType") == 1:
            made.write(redrawn(old, self._rename))
            return made
        if role not in DATA and "/FunctionType" not in old and "/ShadingType" not in old:
            raise Refusal(Reason.DOUBTFUL)  # of no kind whose data are known to draw
        data = old.read_bytes(StreamDecodeLevel.specialized)
        if role in ("/ToUnicode", "/Encoding", "/UseCMap"):
            data = COMMENT.sub(b"", data)
        made.write(data)
        return made

    def _image(self, old: Any, names: list[str], made: Any) -> None:
        last = names[-1] if names and names[-1] in PARAMETERS else None
        if not COMPRESSED.issuperset(names[:-1] if last else names) or "/F" in old:
            raise Refusal(Reason.DOUBTFUL)  # another way to keep a picture, or one in another file
        if last is None:
            made.write(_pixels(old))
            return
        parameters = old.get("/DecodeParms", Dictionary())
        if isinstance(parameters, Array):
            parameters = parameters[-1]
        data = _first_undone(old, names) if len(names) > 1 else old.read_raw_bytes()
        if last == "/DCTDecode":
            data = stripped(data)
        kept = {
            key: self._value(parameters[key])
            for key in PARAMETERS[last]
            if isinstance(parameters, Dictionary) and key in parameters
        }
        made.write(data, filter=Name(last), decode_parms=Dictionary(kept) if kept else None)


def _pixels(image: Any) -> bytes:
    """The data of an image without a filter of its own, as many as it has pixels.

    Fewer are no picture, but something else that lost its sign.
    """
    if bool(image.get("/ImageMask", False)):
        bits = 1
    else:
        bits = int(image.BitsPerComponent) * _components(image.ColorSpace)
    wanted = int(image.Height) * ((int(image.Width) * bits + 7) // 8)
    data = bytes(image.read_bytes(StreamDecodeLevel.specialized))
    if len(data) < wanted:
        raise Refusal(Reason.DOUBTFUL)
    return data[:wanted]


def _components(space: Any) -> int:
    """How many numbers a colour has (ISO 32000-2, 8.6)."""
    kind = space[0] if isinstance(space, Array) else space
    match str(kind):
        case "/DeviceGray" | "/CalGray" | "/Indexed" | "/Separation" | "/G" | "/I":
            return 1
        case "/DeviceRGB" | "/CalRGB" | "/Lab" | "/RGB":
            return 3
        case "/DeviceCMYK" | "/CMYK":
            return 4
        case "/DeviceN":
            return len(space[1])
        case "/ICCBased":
            return int(space[1].N)
    raise Refusal(Reason.DOUBTFUL)


def _first_undone(old: Any, names: list[str]) -> bytes:
    """The data with all filters undone but the last, which makes the picture."""
    with Pdf.new() as scratch:
        outer = scratch.make_stream(old.read_raw_bytes())
        outer.Filter = Array([Name(name) for name in names[:-1]])
        parameters = old.get("/DecodeParms")
        if isinstance(parameters, Array):
            each = [pikepdf.Object.parse(item.unparse(resolved=True)) for item in parameters]
            outer.DecodeParms = Array(each[:-1])
        return bytes(outer.read_bytes(StreamDecodeLevel.specialized))


def _device(profile: Any) -> Name:
    """The plain colours in place of a profile, which may name a screen or a person."""
    space = bytes(profile.read_bytes(StreamDecodeLevel.specialized)[16:20])
    device = DEVICES.get(int(profile.get("/N", 0)))
    if device is None or space not in PROFILES:
        raise Refusal(Reason.DOUBTFUL)
    return device
