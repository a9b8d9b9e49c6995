"""Files made to harm: whatever they are, the answer is a clean file or a reason, in time."""

from __future__ import annotations

import asyncio
import io
import re
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.files import confine
from bot.files.cleaner import Cleaner
from bot.files.exchange import order, read_order
from bot.files.values import Clean, Kind, Limits, Reason, Refused
from tests.support.files.documents import laden, plain
from tests.support.files.images import corners, encoded, exif, photograph, picture
from tests.support.files.openers import probing
from tests.support.files.raw import everything, secret, secrets

OPENERS = Path(__file__).parents[1] / "support" / "files" / "openers"
KINDS = ("JPEG", "PNG", "WEBP", "HEIF", "GIF")


# --- two things at once ---------------------------------------------------------------------------


def archive() -> bytes:
    """An archive with a secret in it, which opens also with something else before it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("plan.txt", secret("ARCHIVO"))
    return made.getvalue()


def polyglots() -> dict[str, bytes]:
    """Each is an image or a document to one program and something else to another."""
    script = b"*/=1;alert('" + secret("GUION").encode() + b"')/*"
    gif = encoded(picture(), "GIF", comment=script)
    page = f"<script>{secret('PAGINA')}</script>".encode()
    return {
        "photograph and archive": encoded(picture(), "JPEG") + archive(),
        "drawing and archive": encoded(picture(), "PNG") + archive(),
        "moving picture and script": gif + script,
        "document and page": plain() + page,
        "document and archive": plain() + archive(),
        "photograph and document": encoded(picture(), "JPEG", comment=plain() + page),
    }


@pytest.mark.parametrize("name", polyglots())
async def test_of_two_things_at_once_the_one_that_is_seen_is_left(name: str) -> None:
    sent = polyglots()[name]
    assert secrets(sent)
    result = await Cleaner().cleaned(sent, "foto.jpg")
    assert isinstance(result, Clean)
    assert secrets(result.content) == set()
    assert not zipfile.is_zipfile(io.BytesIO(result.content))
    for sign in (b"<script", b"alert(", b"PK\x03\x04"):
        assert sign not in everything(result.content)
    if result.kind is not Kind.PDF:
        assert b"%PDF" not in result.content
        assert corners(Image.open(io.BytesIO(result.content))) == [0, 1, 2, 3]


@pytest.mark.parametrize("before", [b"<html><script>x()</script>", b"\n", b"MZ\x90\0", archive()])
async def test_a_document_behind_something_else_is_not_taken_for_a_document(before: bytes) -> None:
    """Readers look for a PDF in the first thousand bytes, and browsers for a page."""
    assert await Cleaner().cleaned(before + plain(), "informe.pdf") == Refused(Reason.UNKNOWN)


# --- too much -------------------------------------------------------------------------------------


async def test_an_image_of_50_megabytes_is_refused_before_anything_is_started() -> None:
    sent = photograph("JPEG") + b"\0" * 50_000_000
    started = subprocess_starts()
    assert await Cleaner().cleaned(sent, "grande.jpg") == Refused(Reason.TOO_LARGE, 20)
    assert subprocess_starts() == started


_starts = 0


def _count(event: str, _arguments: object) -> None:
    global _starts
    _starts += event == "subprocess.Popen"


sys.addaudithook(_count)


def subprocess_starts() -> int:
    """How many processes this one has started, by Python's own audit events."""
    return _starts


async def test_the_largest_that_may_come_comes_through() -> None:
    sent = photograph("JPEG")
    sent += b"\0" * (Limits().size - len(sent))
    started = subprocess_starts()
    assert isinstance(await Cleaner().cleaned(sent, "grande.jpg"), Clean)
    assert subprocess_starts() == started + 1
    assert await Cleaner().cleaned(sent + b"\0", "grande.jpg") == Refused(Reason.TOO_LARGE, 20)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it is this large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(10_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(50_000, 50_000), (8001, 8000), (2**31 - 1, 2**31 - 1)])
async def test_a_picture_that_unfolds_without_end_is_refused_unread(size: tuple[int, int]) -> None:
    start = time.perf_counter()
    assert await Cleaner().cleaned(bomb(*size), "a.png") == Refused(Reason.TOO_MANY_PIXELS, 64)
    assert time.perf_counter() - start < 10


async def test_a_document_that_unfolds_without_end_is_stopped_by_the_memory() -> None:
    """A small file that is folded twice; qpdf says that the content cannot be read."""
    folded = zlib.compress(zlib.compress(b" " * 80_000_000, 1), 9)
    sent = plain().replace(b"<< /Length", b"<< /Filter [/FlateDecode /FlateDecode] /Length")
    head, _, rest = sent.partition(b"stream\n")
    _, _, tail = rest.partition(b"endstream")
    made = rebuilt(head + b"stream\n" + folded + b"\nendstream" + tail)
    assert len(made) < 200_000
    result = await Cleaner(Limits(memory=250_000_000)).cleaned(made, "a.pdf")
    assert result in (Refused(Reason.TOO_HEAVY), Refused(Reason.DAMAGED))
    assert isinstance(await Cleaner().cleaned(made, "a.pdf"), Clean)  # nothing else is wrong with it


def rebuilt(broken: bytes) -> bytes:
    """Lengths and places of a PDF written anew after its bytes were changed by hand."""
    data = re.search(rb"stream\n(.*?)\nendstream", broken, re.DOTALL)
    assert data is not None
    broken = re.sub(rb"/Length \d+", b"/Length %d" % len(data[1]), broken, count=1)
    body = broken[: broken.rindex(b"xref\n", 0, broken.rindex(b"startxref"))]
    places = {int(m[1]): m.start() for m in re.finditer(rb"(?m)^(\d+) 0 obj", body)}
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (max(places) + 1)
    table += b"".join(b"%010d 00000 n \n" % places[n] for n in sorted(places))
    root = re.findall(rb"/Root (\d+ 0 R)", broken)[-1]
    trailer = b"trailer << /Size %d /Root %b >>\nstartxref\n%d\n%%%%EOF\n"
    return body + table + trailer % (max(places) + 1, root, len(body))


async def test_what_takes_more_memory_than_a_file_may_is_refused() -> None:
    sent = encoded(Image.new("RGB", (7000, 7000)), "JPEG")
    result = await Cleaner(Limits(memory=150_000_000)).cleaned(sent, "a.jpg")
    assert result == Refused(Reason.TOO_HEAVY)
    assert isinstance(await Cleaner().cleaned(sent, "a.jpg"), Clean)


# --- an opener in an attacker's hands -------------------------------------------------------------


async def opened_by(order: str, limits: Limits | None = None) -> object:
    return await Cleaner(limits, OPENERS / "misbehaving.py").cleaned(order.encode() + b"\n", "a.jpg")


@pytest.mark.parametrize(
    "order",
    ["die", "die in the middle", "fail at the end", "never stop", "write much of nothing",
     b"clean exe \nMZ".hex(), b"clean jpeg everything\n\xff".hex(), b"refused nonsense\n".hex(),
     b"refused damaged\nand more".hex(), b"clean jpeg".hex(), "\xff".encode("latin-1").hex(), ""],
)  # fmt: skip
async def test_an_opener_that_dies_or_lies_is_a_refusal(order: str) -> None:
    assert await opened_by(order, Limits(size=1_000_000, seconds=60)) == Refused(Reason.CRASHED)


async def test_an_opener_that_hears_no_more_may_still_answer() -> None:
    sent = b"close the door\n" + b"\0" * 1_000_000
    result = await Cleaner(None, OPENERS / "misbehaving.py").cleaned(sent, "a.jpg")
    assert result == Refused(Reason.DAMAGED)


async def test_an_opener_that_the_kernel_stopped_was_too_heavy() -> None:
    assert await opened_by("be killed") == Refused(Reason.TOO_HEAVY)


async def test_an_opener_that_never_answers_is_ended_and_leaves_no_process() -> None:
    assert await opened_by("sleep", Limits(seconds=0.3)) == Refused(Reason.TOO_HEAVY)
    assert not children()


async def test_whoever_stops_waiting_leaves_no_process_behind() -> None:
    waiting = asyncio.create_task(opened_by("sleep"))
    for _ in range(500):
        if children():
            break
        await asyncio.sleep(0.01)
    assert children()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not children()


def children() -> list[str]:
    """Our processes that run the stand-in."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
            found += [p for p in pids if b"misbehaving" in Path(f"/proc/{p}/cmdline").read_bytes()]
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while we looked
    return found


async def test_where_no_process_can_be_had_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nothing-there/python")
    assert await Cleaner().cleaned(photograph("JPEG"), "a.jpg") == Refused(Reason.UNAVAILABLE)


async def test_where_nothing_can_be_shut_in_nothing_is_opened() -> None:
    """Less memory than the libraries need: it does not come as far as the filter."""
    result = await Cleaner(Limits(memory=30_000_000)).cleaned(photograph("JPEG"), "a.jpg")
    assert result in (Refused(Reason.UNAVAILABLE), Refused(Reason.CRASHED))


# --- the walls ------------------------------------------------------------------------------------


async def test_nothing_gets_out_but_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no socket, no process, no secret of the environment, no word of the file's name."""
    monkeypatch.setenv("ACUERPA_TELEGRAM__TOKEN", "123:secreto")
    result = await Cleaner(None, OPENERS / "probing.py").cleaned(b"x", "Ana López en Oventic.jpg")
    assert isinstance(result, Clean)
    assert result.content.decode() == "variable LC_ALL\nvariable MALLOC_ARENA_MAX"


def test_without_the_walls_every_way_out_is_open(tmp_path: Path) -> None:
    """So that the test above can fail."""
    done = subprocess.run(
        [sys.executable, "-I", str(OPENERS / "probing.py"), "without-walls"],
        input=b"", capture_output=True, check=True, timeout=60, cwd=tmp_path,
        env={"ACUERPA_TELEGRAM__TOKEN": "123:secreto"},
    )  # fmt: skip
    said = done.stdout.decode().splitlines()
    assert "variable ACUERPA_TELEGRAM__TOKEN" in said
    assert said[-len(probing.TRIES) :] == list(probing.TRIES)


def test_the_real_opener_is_shut_in_before_it_reads_the_first_byte() -> None:
    opener = Path(confine.__file__).with_name("opener.py")
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(opener), *order(Limits(), text=False)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        state: dict[str, str] = {}
        for _ in range(3000):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            state = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if state["Seccomp"] == "2":
                break
            time.sleep(0.01)
        assert state["Seccomp"] == "2"
        assert state["NoNewPrivs"] == "1"
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        for line in ("Max cpu time              30                   30",
                     "Max file size             0                    0",
                     "Max open files            16                   16",
                     "Max address space         1024000000           1024000000"):  # fmt: skip
            assert line in limits
        answer, _ = process.communicate(b"GIF89a")
        assert answer == b"refused damaged\n"
    finally:
        process.kill()
        process.wait()


def test_a_processor_without_a_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(confine.Unconfined):
        confine.shut_in()


def test_the_lists_of_both_processors_are_the_same_calls() -> None:
    one, other = confine.MACHINES.values()
    assert len(set(one.allowed)) == len(set(other.allowed)) == len(one.allowed) == len(other.allowed)
    for machine in (one, other):
        assert not {machine.mmap, machine.mprotect, machine.clone, machine.clone3} & set(machine.allowed)


def test_everything_is_loaded_before_the_walls_go_up(tmp_path: Path) -> None:
    """What a library loads at first use could not be loaded any more, and the file would be refused."""
    for kind in KINDS:
        (tmp_path / kind).write_bytes(photograph(kind, 6))
    two = encoded(picture(), "MPO", save_all=True, append_images=[picture()], exif=exif(6))
    (tmp_path / "two").write_bytes(two)
    (tmp_path / "grey").write_bytes(encoded(picture().convert("L"), "PNG", exif=exif(3)))
    (tmp_path / "cmyk").write_bytes(encoded(picture().convert("CMYK"), "JPEG"))
    (tmp_path / "document").write_bytes(laden())
    (tmp_path / "a.txt").write_bytes("ñandú".encode("utf-16"))
    (tmp_path / "broken").write_bytes(photograph("JPEG")[:600])
    done = subprocess.run(
        [sys.executable, "-I", str(OPENERS / "hearing.py"), str(tmp_path)],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.decode() == ""


def test_what_the_opener_is_told_are_numbers() -> None:
    words = order(Limits(), text=True)
    assert words == ["20000000", "64000000", "4096", "300", "30.0", "1024000000", "text"]
    assert read_order(words) == (Limits(), True)
    other = Limits(seconds=0.5, pages=7)
    assert read_order(order(other, text=False)) == (other, False)


# --- chance ---------------------------------------------------------------------------------------


class Enduring:
    """One process that opens many files, shut in like the one that opens one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def opens(self, content: bytes) -> bytes:
        """Its answer; fails if it died or did not answer in time."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(OPENERS / "enduring.py")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self._process.stdin.write(len(content).to_bytes(4) + content)
        self._process.stdin.flush()
        length = self._process.stdout.read(4)
        if len(length) < 4:
            code = self._process.wait()
            self._process = None
            raise AssertionError(f"the opener died ({code})")
        return self._process.stdout.read(int.from_bytes(length))

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture(scope="module")
def enduring() -> Iterator[Enduring]:
    made = Enduring()
    yield made
    made.close()


SAMPLES = {**{kind: photograph(kind) for kind in KINDS}, "PDF": laden()}

SIGNATURES = (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"%PDF-1.7\n",
              b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypheic")  # fmt: skip

many = settings(
    max_examples=200, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, sample: bytes) -> bytes:
    """A good file, cut off, with bytes changed, taken out, put in, or a part of it doubled."""
    content = bytearray(sample)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.sampled_from(["cut", "change", "drop", "insert", "double"])):
            case "cut":
                del content[at:]
            case "change":
                content[at : at + 4] = draw(st.binary(min_size=1, max_size=4))
            case "drop":
                del content[at : at + draw(st.integers(1, 200))]
            case "insert":
                content[at:at] = draw(st.binary(max_size=60))
            case "double":
                content[at:at] = content[at : at + draw(st.integers(1, 400))]
    return bytes(content)


@pytest.mark.parametrize("kind", SAMPLES)
def test_whatever_is_broken_in_a_file_no_secret_leaves_and_nothing_breaks(
    enduring: Enduring, kind: str
) -> None:
    @many
    @given(spoilt(SAMPLES[kind]))
    def holds(content: bytes) -> None:
        start = time.perf_counter()
        line, _, file = enduring.opens(content).partition(b"\n")
        assert time.perf_counter() - start < 20
        assert line == b"clean" or (line.startswith(b"refused ") and not file)
        assert secrets(file) == set()

    holds()
    assert enduring.opens(SAMPLES[kind]).startswith(b"clean\n")


@many
@given(start=st.sampled_from(SIGNATURES), rest=st.binary(max_size=300))
def test_noise_is_refused(enduring: Enduring, start: bytes, rest: bytes) -> None:
    assert enduring.opens(start + rest).startswith(b"refused ")
