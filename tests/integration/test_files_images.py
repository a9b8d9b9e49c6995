"""Photographs leave without the place, the camera and the person, and look as they did."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from PIL import Image

from bot.files.cleaner import Cleaner
from bot.files.values import Clean, Found, Kind, Limits
from tests.support.files.images import CORNERS, corners, encoded, exif, photograph, picture, profile
from tests.support.files.raw import exiftool, secret, secrets

KINDS = ("JPEG", "PNG", "WEBP", "HEIF", "GIF")
STRUCTURE = {
    "JFIF:JFIFVersion", "JFIF:ResolutionUnit", "JFIF:XResolution", "JFIF:YResolution",
    "PNG:ImageWidth", "PNG:ImageHeight", "PNG:BitDepth", "PNG:ColorType", "PNG:Compression",
    "PNG:Filter", "PNG:Interlace", "Composite:ImageSize", "Composite:Megapixels",
}  # fmt: skip
"""Tags of exiftool that say how pixels are stored, and nothing else."""


async def clean(content: bytes, name: str = "IMG_2026.jpg") -> Clean:
    result = await Cleaner().cleaned(content, name)
    assert isinstance(result, Clean), result
    return result


def shown(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize("kind", KINDS)
async def test_ana_sends_a_photograph_and_nothing_says_where_who_and_with_what(kind: str) -> None:
    sent = photograph(kind)
    assert len(secrets(sent)) >= 2
    left = await clean(sent)
    assert secrets(left.content) == set()
    assert set(exiftool(left.content)) <= STRUCTURE
    assert corners(shown(left.content)) == [0, 1, 2, 3]


async def test_exiftool_finds_all_of_it_in_what_was_sent() -> None:
    """The search itself is able to find: each of these is gone in the test above."""
    tags = exiftool(photograph("JPEG"))
    assert "NOTA" in str(tags["File:Comment"])
    for tag in ("GPS:GPSLatitude", "ExifIFD:SerialNumber", "IFD1:ThumbnailImage", "IPTC:City",
                "XMP-dc:Creator", "ICC_Profile:ProfileDescription"):  # fmt: skip
        assert tag in tags


async def test_the_small_picture_of_the_whole_scene_is_not_left_inside_the_cut_one() -> None:
    sent = photograph("JPEG")
    assert sent.count(b"\xff\xd8\xff") == 2
    assert (await clean(sent)).content.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize(
    ("kind", "orientation"), [*(("JPEG", n) for n in range(1, 9)), ("PNG", 6), ("WEBP", 6)]
)
async def test_what_was_upright_stays_upright(kind: str, orientation: int) -> None:
    """A telephone stores how it was held in EXIF, which goes; the pixels must be turned first."""
    turns = {2: [1, 0, 3, 2], 3: [3, 2, 1, 0], 4: [2, 3, 0, 1], 5: [0, 2, 1, 3], 6: [2, 0, 3, 1],
             7: [3, 1, 2, 0], 8: [1, 3, 0, 2]}  # fmt: skip
    left = shown((await clean(encoded(picture(), kind, exif=exif(orientation)))).content)
    assert corners(left) == turns.get(orientation, [0, 1, 2, 3])
    assert left.size == ((160, 120) if orientation < 5 else (120, 160))


async def test_colours_of_a_wide_screen_are_brought_to_what_every_screen_shows() -> None:
    """A profile whose red is nearly grey: who forgets it shows a loud red."""
    sent = encoded(picture(), "PNG", icc_profile=profile(red=(0.33, 0.30, 0.20)))
    before = shown(sent).convert("RGB").getpixel((10, 10))
    after = shown((await clean(sent)).content).getpixel((10, 10))
    assert before == CORNERS[0]
    assert max(after) - min(after) < 100 < max(before) - min(before)


async def test_a_profile_that_is_none_is_left_aside() -> None:
    left = await clean(encoded(picture(), "PNG", icc_profile=b"x" * 200 + secret("PERFIL").encode()))
    assert corners(shown(left.content)) == [0, 1, 2, 3]
    assert secrets(left.content) == set()


async def test_two_cameras_that_saw_the_same_leave_the_same_file() -> None:
    one = await clean(photograph("JPEG", name="ANA"))
    two = await clean(photograph("JPEG", name="BERTA"))
    assert one.content == two.content


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
async def test_a_name_erased_by_making_it_transparent_is_gone(kind: str) -> None:
    image = picture().convert("RGBA")
    image.paste((9, 99, 199, 3), (20, 20, 60, 60))  # looks like nothing, and can be brought back
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    left = shown((await clean(encoded(image, kind, **options))).content)
    assert left.mode == "RGBA"
    assert left.getpixel((40, 40)) == (0, 0, 0, 0)
    assert left.getpixel((10, 10)) == (*CORNERS[0], 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_of_a_moving_picture_the_first_one_is_left_and_its_author_is_told(kind: str) -> None:
    frames = [picture(), picture().rotate(180)]
    moving = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=200)
    left = await clean(moving)
    assert left.found == {Found.ANIMATION}
    assert getattr(shown(left.content), "n_frames", 1) == 1
    assert corners(shown(left.content)) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["MPO", "HEIF"])
async def test_the_second_picture_of_a_telephone_is_gone(kind: str) -> None:
    """Depth, or the moment before: several in one file."""
    second = Image.new("RGB", (160, 120), "black")
    sent = encoded(picture(), kind, save_all=True, append_images=[second])
    assert shown(sent).n_frames == 2
    left = await clean(sent)
    assert corners(shown(left.content)) == [0, 1, 2, 3]
    assert left.content.count(b"\xff\xd8\xff") == 1
    assert left.found == frozenset()


async def test_its_author_hears_that_the_place_was_in_it() -> None:
    assert (await clean(photograph("JPEG"))).found == {Found.LOCATION}
    assert (await clean(encoded(picture(), "JPEG"))).found == frozenset()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("1", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("I;16", "PNG"), ("RGBA", "PNG"),
     ("L", "JPEG"), ("CMYK", "JPEG"), ("RGBA", "WEBP"), ("P", "GIF"), ("RGBA", "HEIF")],
)  # fmt: skip
async def test_every_way_to_keep_pixels_shows_the_same(mode: str, kind: str) -> None:
    grey = Image.linear_gradient("L")
    if mode == "I;16":
        image = Image.frombytes("I;16", grey.size, bytes(b for v in grey.tobytes() for b in (0, v)))
    else:
        image = (grey if mode in ("1", "L", "LA", "P") else Image.merge("RGB", [grey] * 3)).convert(mode)
    left = shown((await clean(encoded(image, kind))).content).convert("L")
    wanted = Image.open(BytesIO(encoded(image, kind))).convert("L") if mode != "I;16" else grey
    for row in (0, 60, 128, 190, 255):
        assert abs(left.getpixel((100, row)) - wanted.getpixel((100, row))) <= 8


@pytest.mark.parametrize(
    ("sent", "left"),
    [("JPEG", Kind.JPEG), ("HEIF", Kind.JPEG), ("WEBP", Kind.JPEG), ("PNG", Kind.PNG), ("GIF", Kind.PNG)],
)
async def test_the_name_that_leaves_is_ours(sent: str, left: Kind) -> None:
    """A name says who, where and when; and one with a mark that turns the reading order lies."""
    result = await clean(photograph(sent), "Ana López en Oventic \u202egpj.exe")
    assert result.kind is left
    assert result.name(1) == {Kind.JPEG: "imagen-1.jpg", Kind.PNG: "imagen-1.png"}[left]
    assert result.kind.media_type == f"image/{left}"


async def test_what_it_is_decides_and_not_what_it_is_called() -> None:
    assert (await clean(photograph("PNG"), "acta.pdf")).kind is Kind.PNG
    assert (await clean(photograph("JPEG"), "nota.txt")).kind is Kind.JPEG


async def test_a_large_photograph_leaves_smaller_and_a_noisy_drawing_as_a_photograph() -> None:
    left = await clean(encoded(picture((4500, 3000)), "JPEG"))
    assert shown(left.content).size == (4096, 2731)
    chance = random.Random(1)
    noise = Image.frombytes("P", (300, 300), chance.randbytes(90_000))
    noise.putpalette(chance.randbytes(768))
    sent = encoded(noise, "PNG")
    assert (await clean(sent)).kind is Kind.PNG
    result = await Cleaner(Limits(size=len(sent) + 90_000)).cleaned(sent, "x.png")
    assert isinstance(result, Clean)
    assert result.kind is Kind.JPEG
