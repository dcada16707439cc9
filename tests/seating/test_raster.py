"""The picture as PNG: its size, and letters on a machine without fonts."""

import random
import struct
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from korus_mcp.seating import raster
from korus_mcp.seating.lettering import width_of
from korus_mcp.seating.raster import AT_ONCE, NotDrawn, Raster
from korus_mcp.seating.rasterize import png
from tests.seating.pixels import Pixels, decoded
from tests.seating.redraw import drawn
from tests.seating.venues import hall_venue, large_venue, stadium_venue

MOST_BYTES = 40_000
"""Some hosts pass a picture on as text, a third more letters, which a model pays for."""
FEW = [f"{red}{green}{blue}" for red in "07f" for green in "048bf" for blue in "059cf"]
"""Some more colours than a picture keeps."""


def size_of(image: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", image[16:24])
    return width, height


def lettered(text: str, *, weight: str = "600") -> Pixels:
    """A text of 40 units on white, 600 pixels across."""
    return decoded(
        png(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 60" width="600" height="60">'
            '<rect width="600" height="60" fill="#fff"/>'
            f'<text x="10" y="45" font-size="40" font-weight="{weight}">{text}</text></svg>',
            width=600,
        )
    )


def inked(pixels: Pixels) -> list[int]:
    """The columns in which something stands."""
    return [x for x in range(pixels.width) if any(row[4 * x] < 200 for row in pixels.rows)]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_stadium_a_hall_and_a_bowl_of_sixty_thousand_seats_stay_under_40_kb(
    *, dark: bool
) -> None:
    places = (stadium_venue(), large_venue(10, 20, 25), hall_venue(), large_venue())
    for place in places:
        image = png(drawn(place, dark=dark))
        assert len(image) <= MOST_BYTES
        assert size_of(image)[0] == 800


def test_a_picture_that_would_be_larger_is_made_narrower() -> None:
    dice = random.Random(1)
    # A square for each pixel: as much to pack as a picture of the usual width, in far less time.
    width, height = 240, 480
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill="#{dice.choice(FEW)}"/>'
        for x in range(width)
        for y in range(height)
    )
    image = png(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">{squares}</svg>',
        width=width,
    )
    assert len(image) <= MOST_BYTES
    assert 100 < size_of(image)[0] < width


@pytest.mark.parametrize("text", ["Été", "Œuvre", "Κερκίδα", "Трибуна", "Łódź", "Ở €"])
@pytest.mark.parametrize("weight", ["400", "600"])
def test_european_letters_are_there_whatever_fonts_a_machine_has(text: str, weight: str) -> None:
    box = lettered("\u4e00", weight=weight).rows
    for letter in text.replace(" ", ""):
        found = lettered(letter, weight=weight)
        assert inked(found)
        assert found.rows != box, letter


@pytest.mark.parametrize("text", ["東スタンド", "مدرج", "ไทย", "🎫"])
def test_other_letters_are_boxes_and_no_crash(text: str) -> None:
    assert inked(lettered(text))


@pytest.mark.parametrize(
    "text",
    ["North 217", "from €14.50", "WWW MMM", "Loge présidentielle", "Щука", "Ώρα Ηχώ", "東京"],
)
def test_a_text_is_never_wider_than_was_reckoned_with(text: str) -> None:
    columns = inked(lettered(text))
    assert columns[-1] - columns[0] <= width_of(text, 40)


def test_bold_letters_are_bolder() -> None:
    def ink(weight: str) -> int:
        return sum(
            row[4 * x] < 128 for row in lettered("Hall", weight=weight).rows for x in range(600)
        )

    assert ink("600") > 1.1 * ink("400")


def test_what_is_no_svg_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown token"):
        png("not a picture")


@pytest.mark.anyio
async def test_a_picture_made_in_another_process_is_the_same() -> None:
    picture = drawn(hall_venue(), language="fr")
    assert await Raster().png(picture, width=300) == png(picture, width=300)


@pytest.mark.anyio
async def test_a_renderer_that_fails_in_another_process_is_told_as_that() -> None:
    with pytest.raises(NotDrawn):
        await Raster().png("not a picture")


SPY = """
import os, sys, pathlib, time
note = pathlib.Path(sys.argv[0]).parent / f"{os.getpid()}.txt"
note.write_text(" ".join(os.environ))
time.sleep(0.5)
print(len(list(note.parent.glob("*.txt"))))
note.unlink()
"""


@pytest.fixture
def spying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that tells what it was given, and how many of its kind there are."""
    program = tmp_path / "spy.py"
    program.write_text(SPY)
    monkeypatch.setattr(raster, "_PROGRAM", program)
    return program


@pytest.mark.anyio
async def test_few_pictures_are_drawn_at_once(spying: Path) -> None:
    drawing, seen = Raster(), []

    async def draw() -> None:
        seen.append(int(await drawing.png("")))

    async with anyio.create_task_group() as tasks:
        for _ in range(3 * AT_ONCE):
            tasks.start_soon(draw)
    assert max(seen) <= AT_ONCE


@pytest.mark.anyio
async def test_what_draws_is_told_no_secret(spying: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "s3cret")
    told: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Raster().png, "")
        while not told:
            await anyio.sleep(0.05)
            # A note that was begun is still empty.
            told = [text for note in spying.parent.glob("*.txt") if (text := note.read_text())]
    assert "KORUS" not in told[0]
    assert "PYTHONPATH" in told[0]


def test_the_renderer_is_loaded_with_the_first_picture_only() -> None:
    program = "import sys, korus_mcp.seating.raster; print('resvg_py' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "False"
