"""Names in scripts that the letters of a PNG lack: a number in it, and the name in the text."""

import re
import struct
from pathlib import Path
from typing import Any

import pytest

from korus_mcp.api import SeatMap
from korus_mcp.seating import script
from korus_mcp.seating.layout import drawing_of
from korus_mcp.seating.picture import Heading, svg
from korus_mcp.seating.script import has_letter, is_writable, numbers_of, written
from tests.seating.awkward import plan, square
from tests.seating.kinds import stacked, zone
from tests.seating.whole import answered

FONTS = sorted(Path(script.__file__).with_name("fonts").glob("*.ttf"))
FOREIGN = [
    "東スタンド",
    "西スタンド",
    "שער צפון",
    "مدرج",
    "동쪽",
    "上層",
    "หน้าเวที",
    "Հյուսիս",
    "ჩრდილოეთი",
    "Ɖɔkita",
]
OURS = ["Parterre côté jardin", "Θεωρείο", "Партер", "Khán đài", "Żółty", "N° 5 – €", "Balcon ★"]

ALPHABETS = {
    "Albanian, French, Italian, Portuguese": "çëàâæéèêîïôœùûüÿáãíóõúìò",
    "Azerbaijani, Turkish, Gagauz": "əğıİöşüçäêţ",
    "Basque, Spanish, Catalan, Galician, Aragonese": "ñáéíóúüçàèïòŀ¡¿ªº",
    "Bosnian, Croatian, Slovene, Montenegrin": "čćđšžśźǆǉǌǅ",
    "Breton, Cornish, Welsh": "ñùâêîôûŵŷẁẃẅỳáéíóúẃýäëïöüẅÿ",
    "Czech, Slovak": "áčďéěíňóřšťúůýžäĺľôŕ",
    "Danish, Norwegian, Faroese, Icelandic": "æøåǻǽǿáðíóúýþéö",
    "Dutch, Frisian, German, Luxembourgish": "äëïöüßẞéèêĳúûâô",
    "Esperanto": "ĉĝĥĵŝŭ",
    "Estonian, Finnish, Swedish, Karelian, Finnish Romani": "äõöüšžåčǧȟǥǩŋ",
    "Hungarian": "áéíóöőúüű",
    "Irish, Scottish Gaelic": "áéíóúàèìòùḃċḋḟġṁṗṡṫ",
    "Latvian, Lithuanian, Livonian": "āčēģīķļņšūžąęėįųūȯȱȭȫǟǡȩäõöḑŗţō",
    "Maltese": "ċġħżàèìîòù",
    "Polish, Kashubian, Sorbian, Silesian": "ąćęłńóśźżãéëôòùěřšžŕčŏō",
    "Romanian, Aromanian": "ăâîșțşţãńḑ",
    "Sami": "áčđŋšŧžåäâǥǧǩǯʒõöïńæøǫǭʼ",
    "Greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ·",
    "Belarusian, Russian, Rusyn, Ukrainian": "абвгґдеёєжзиіїйклмнопрстуўфхцчшщъыьэюя",
    "Bulgarian, Macedonian, Serbian": "абвгдежзијклмнопрстћђљњџѓќѕѐѝъьюя",
    "Vietnamese": "ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}
"""The letters beyond a to z that people of these languages write names of places with."""


def characters_of(font: bytes) -> set[int]:
    """The characters of a font, by its table `cmap` in format 4."""
    tables = (struct.unpack_from(">4sIII", font, 12 + 16 * n) for n in range(_short(font, 4)))
    cmap = next(offset for tag, _, offset, _ in tables if tag == b"cmap")
    found: set[int] = set()
    for n in range(_short(font, cmap + 2)):
        at = cmap + struct.unpack_from(">I", font, cmap + 8 + 8 * n)[0]
        if _short(font, at) == 4:
            count = _short(font, at + 6) // 2
            ends = struct.unpack_from(f">{count}H", font, at + 14)
            begins = struct.unpack_from(f">{count}H", font, at + 16 + 2 * count)
            for begin, end in zip(begins, ends, strict=True):
                found.update(range(begin, end + 1))
    return found - {0xFFFD, 0xFFFF}


def _short(data: bytes, at: int) -> int:
    value: int = struct.unpack_from(">H", data, at)[0]
    return value


@pytest.mark.parametrize("font", FONTS, ids=lambda font: font.stem)
def test_the_characters_are_those_of_the_fonts(font: Path) -> None:
    assert {n for n in range(0x10000) if has_letter(chr(n))} == characters_of(font.read_bytes())


@pytest.mark.parametrize("letters", ALPHABETS.values(), ids=ALPHABETS)
def test_europe_s_languages_can_be_written(letters: str) -> None:
    lacking = {c for c in letters + letters.upper() if not has_letter(c)}
    assert not lacking


@pytest.mark.parametrize("name", FOREIGN)
def test_a_name_in_another_script_gets_a_number(name: str) -> None:
    assert not is_writable(name)
    assert numbers_of(["Nord", name, name]) == {name: "#1"}


@pytest.mark.parametrize("name", OURS)
def test_a_name_that_can_be_written_stays(name: str) -> None:
    assert is_writable(name)
    assert numbers_of([name]) == {}
    assert all(map(has_letter, written(name)))


def test_a_text_is_cut_where_it_cannot_be_written() -> None:
    assert written("Prices: 大人 (adult)") == "Prices: … (adult)"
    assert written("Balcon ★ 1") == "Balcon 1"
    assert written("Cafe\u0301") == "Café"


def shown(picture: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", picture)


def hall(*names: str) -> dict[str, Any]:
    return plan(*(zone(name, polygon=square(20.0 * n, 0)) for n, name in enumerate(names)))


def test_nothing_in_a_png_is_written_with_letters_that_its_font_lacks() -> None:
    drawing = drawing_of(SeatMap.model_validate(hall(*FOREIGN, *OURS)))
    raster = svg(
        drawing, [], heading=Heading(title="新国立劇場", subtitle="東京, 2026"), is_raster=True
    )
    assert all(map(has_letter, "".join(shown(raster))))
    assert {f"#{n}" for n in range(1, len(FOREIGN) + 1)} <= set(shown(raster))
    assert "Seat map" in shown(raster)
    people = svg(drawing, [], heading=Heading(title="新国立劇場"))
    assert "동쪽" in shown(people), "who looks at an SVG has fonts of their own"


def test_rows_and_decks_in_another_script_are_no_boxes_either() -> None:
    rows = stacked(["あ", "い", "う"], 0, 10, 20, 30)
    found = answered(plan(zone("一階", *rows), zone("二階", *rows)), is_raster=True)
    assert all(map(has_letter, "".join(shown(found.picture))))
    assert found.numbered == {"一階": "#1", "二階": "#2"}
