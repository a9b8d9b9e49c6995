"""An image: decoded to pixels, turned the right way up, and written anew from the pixels alone.

Nothing of the file is kept but what an eye sees: EXIF (place, camera, thumbnail), XMP, IPTC, comments,
texts, the colour profile, further pictures, and whatever follows the end are not looked for and taken
out; they are not copied.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from io import BytesIO

from PIL import Image, ImageCms, ImageOps
from pillow_heif import options as heif_options
from pillow_heif import register_heif_opener

from bot.files.refusal import Refusal
from bot.files.sniff import Source
from bot.files.values import Clean, Found, Kind, Limits, Reason

QUALITY = 90
FAINTEST = 16
"""Opacity of 255 below which a pixel shows nothing, and so is nothing."""
GPS = 0x8825  # the tag of EXIF that points to the place
PHOTOGRAPHS = (Source.JPEG, Source.HEIF, Source.WEBP)
"""Kinds that lose detail anyway, and so leave as JPEG if nothing shines through."""

heif_options.DECODE_THREADS = 1
heif_options.THUMBNAILS = False
heif_options.DEPTH_IMAGES = False
heif_options.AUX_IMAGES = False
register_heif_opener()
Image.preinit()  # JPEG, PNG and GIF
for module in ("MpoImagePlugin", "WebPImagePlugin"):
    import_module(f"PIL.{module}")  # which Pillow would load at the first need of it


def cleaned(content: bytes, source: Source, limits: Limits) -> Clean:
    """The same picture without anything else. Raises `Refusal`, and what Pillow raises."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(content), formats=(source.name,)) as image:
            image.load()
            for packet in ("xmp", "XML:com.adobe.xmp"):
                # Pillow would turn the picture by it; programs that show pictures do not.
                image.info.pop(packet, None)
            found = _found(image)
            picture = _picture(image, limits.side)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal(Reason.TOO_MANY_PIXELS) from None
    return _written(picture, source, limits.size, found)


def _found(image: Image.Image) -> frozenset[Found]:
    """What its author should hear of."""
    found = set()
    # Telephones keep further pictures of the same moment, which nobody knows of and nobody misses.
    if getattr(image, "n_frames", 1) > 1 and image.format not in ("MPO", "HEIF"):
        found.add(Found.ANIMATION)
    if image.getexif().get_ifd(GPS):
        found.add(Found.LOCATION)
    return frozenset(found)


def _picture(image: Image.Image, side: int) -> Image.Image:
    """The first picture as sRGB, upright; a new object that knows nothing of the file."""
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)
    image = _in_srgb(_in_plain_colours(image), profile, side)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    if alpha is not None and alpha.getextrema() != (255, 255):
        # What is erased is often only made transparent, and still there.
        seen = Image.new("RGBA", image.size)
        seen.paste(image, mask=alpha.point(lambda value: 255 if value >= FAINTEST else 0))
        return seen
    fresh = Image.new("L" if image.mode == "L" else "RGB", image.size)
    fresh.paste(image)
    return fresh


def _in_plain_colours(image: Image.Image) -> Image.Image:
    """L, RGB, CMYK or RGBA."""
    if image.mode.startswith("I"):  # 16 bits of grey
        image = image.convert("I").point(lambda value: value / 256).convert("L")
        image.info.pop("transparency", None)  # one of 65,536 greys, which are 256 now
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK", "RGBA"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None, side: int) -> Image.Image:
    """L, RGB or RGBA, in the colours that a screen assumes where no profile says otherwise."""
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if profile:
        image = _converted(image, profile)
    return image.convert("RGB") if image.mode == "CMYK" else image


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    """From the profile's colours; as it is if the profile is none that can be used."""
    try:
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
        ) or image  # fmt: skip
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image


def _written(picture: Image.Image, source: Source, most: int, found: frozenset[Found]) -> Clean:
    kinds = [Kind.PNG]
    if picture.mode != "RGBA":
        kinds = [Kind.JPEG] if source in PHOTOGRAPHS else [Kind.PNG, Kind.JPEG]
    for kind in kinds:
        content = BytesIO()
        if kind is Kind.JPEG:
            picture.save(content, "JPEG", quality=QUALITY, optimize=True)
        else:
            picture.save(content, "PNG", optimize=False)
        if content.tell() <= most:
            return Clean(kind, content.getvalue(), found)
    raise Refusal(Reason.TOO_LARGE)
