"""Photographs with everything that a telephone and an editor put into them."""

from __future__ import annotations

import struct
from io import BytesIO

import pillow_heif
from PIL import ExifTags, Image, PngImagePlugin

from tests.support.files.raw import secret

pillow_heif.register_heif_opener()

CORNERS = ((220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 210, 30))
"""Colours of a picture's quarters: top left, top right, bottom left, bottom right."""


def picture(size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Four quarters in four colours: which way is up can be seen."""
    image = Image.new("RGB", size)
    width, height = size[0] // 2, size[1] // 2
    for quarter, colour in enumerate(CORNERS):
        image.paste(colour, (quarter % 2 * width, quarter // 2 * height, size[0], size[1]))
        if quarter % 2 == 0:
            image.paste(CORNERS[quarter + 1], (width, quarter // 2 * height, size[0], size[1]))
    return image


def corners(image: Image.Image) -> list[int]:
    """Which colour of `CORNERS` is nearest in each quarter."""
    width, height = image.size
    places = [(x * width // 4, y * height // 4) for y in (1, 3) for x in (1, 3)]
    found = []
    for place in places:
        seen = image.convert("RGB").getpixel(place)
        away = [sum(abs(a - b) for a, b in zip(seen, colour, strict=True)) for colour in CORNERS]
        found.append(away.index(min(away)))
    return found


def exif(orientation: int = 1, *, thumbnail: bytes = b"", name: str = "") -> bytes:
    """The place (Oventic), the camera and its serial numbers, who, when, and a small picture."""
    made = Image.Exif()
    made[ExifTags.Base.Make] = secret("MARCA")
    made[ExifTags.Base.Model] = secret("MODELO")
    made[ExifTags.Base.Artist] = secret("AUTORA") + name
    made[ExifTags.Base.Software] = secret("PROGRAMA")
    made[ExifTags.Base.DateTime] = "2026:11:17 09:00:00"
    made[ExifTags.Base.Orientation] = orientation
    made[ExifTags.IFD.Exif] = {
        ExifTags.Base.BodySerialNumber: secret("SERIE"),
        ExifTags.Base.CameraOwnerName: secret("DUENA"),
        ExifTags.Base.LensSerialNumber: secret("LENTE"),
        ExifTags.Base.UserComment: b"ASCII\0\0\0" + secret("COMENTARIO").encode(),
        ExifTags.Base.MakerNote: b"\0\0" + secret("FABRICANTE").encode() + b"\0",
    }
    made[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (16.0, 55.0, 12.0),
        ExifTags.GPS.GPSLongitudeRef: "W",
        ExifTags.GPS.GPSLongitude: (92.0, 46.0, 3.0),
        ExifTags.GPS.GPSProcessingMethod: b"ASCII\0\0\0" + secret("LUGAR").encode(),
    }
    return _with_thumbnail(made.tobytes(), thumbnail) if thumbnail else made.tobytes()


def _with_thumbnail(block: bytes, thumbnail: bytes) -> bytes:
    """A second directory, which Pillow reads and does not write."""
    tiff = bytearray(block.removeprefix(b"Exif\0\0"))
    order = "<" if tiff[:2] == b"II" else ">"
    first = struct.unpack_from(order + "I", tiff, 4)[0]
    count = struct.unpack_from(order + "H", tiff, first)[0]
    struct.pack_into(order + "I", tiff, first + 2 + 12 * count, len(tiff))
    where = len(tiff) + 2 + 3 * 12 + 4
    tiff += struct.pack(order + "H", 3)
    for tag, kind, value in ((0x103, 3, 6), (0x201, 4, where), (0x202, 4, len(thumbnail))):
        packed = struct.pack(order + ("Hxx" if kind == 3 else "I"), value)
        tiff += struct.pack(order + "HHI", tag, kind, 1) + packed
    return b"Exif\0\0" + bytes(tiff + struct.pack(order + "I", 0) + thumbnail)


def xmp() -> bytes:
    """A packet of XMP as editors write it, with the document's ids."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"'
        f' xmpMM:DocumentID="{secret("DOCUMENTO")}"><dc:creator><rdf:Seq><rdf:li>{secret("XMP")}'
        "</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


SRGB_RED = (0.4361, 0.2225, 0.0139)


def profile(red: tuple[float, ...] = SRGB_RED, name: str = secret("PANTALLA")) -> bytes:
    """An ICC profile with a gamma of 2.2 (ICC.1:2001-04), named after somebody's screen."""
    blue = (0.1431, 0.0606, 0.7139)
    green = tuple(w - r - b for w, r, b in zip((0.9642, 1.0, 0.8249), red, blue, strict=True))

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    text = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags = [(b"desc", described), (b"cprt", b"text\0\0\0\0" + text)]
    tags += [(b"wtpt", xyz((0.9642, 1.0, 0.8249)))]
    tags += [(b"rXYZ", xyz(red)), (b"gXYZ", xyz(green)), (b"bXYZ", xyz(blue))]
    tags += [(b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)]
    table, data = struct.pack(">I", len(tags)), b""
    for sign, value in tags:
        value += bytes(-len(value) % 4)
        table += sign + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(data), len(value))
        data += value
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4xI4s4s4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 11, 17, 9, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + table + data


def _with_iptc(jpeg: bytes) -> bytes:
    """Photoshop's segment with IPTC: by-line and city."""
    records = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(word)) + word
        for number, word in ((80, secret("IPTC").encode()), (90, secret("CIUDAD").encode()))
    )
    records += bytes(len(records) % 2)
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The file that Pillow writes."""
    made = BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def photograph(
    kind: str, orientation: int = 1, image: Image.Image | None = None, name: str = ""
) -> bytes:
    """A file of this kind with all the metadata that it can hold, and something behind its end."""
    image = image or picture()
    behind = secret("DETRAS").encode()
    thumbnail = encoded(image.resize((40, 30)), "JPEG", comment=secret("MINIATURA"))
    about = exif(orientation, thumbnail=thumbnail, name=name)
    both = {"exif": about, "icc_profile": profile()}
    match kind:
        case "JPEG":
            note = secret("NOTA")
            made = encoded(image, kind, quality=95, comment=note, xmp=xmp(), **both)
            return _with_iptc(made) + behind
        case "PNG":
            texts = PngImagePlugin.PngInfo()
            texts.add_text("Author", secret("TEXTO"))
            texts.add_text("Comment", secret("COMPRIMIDO") * 40, zip=True)
            texts.add_itxt("XML:com.adobe.xmp", xmp().decode())
            return encoded(image, kind, pnginfo=texts, **both) + behind
        case "WEBP" | "HEIF":
            return encoded(image, kind, quality=95, xmp=xmp(), **both) + behind
        case "GIF":
            return encoded(image, kind, comment=secret("NOTA"), xmp=xmp()) + behind
    raise ValueError(kind)
