"""make fonts: cut the fonts of seat maps out of Noto Sans, to the characters of script.py.

fontTools and the font come from PyPI for this run alone. What is cut keeps its names, copyright and
licence, as the Open Font License asks; the font reserves no name.
"""

import importlib
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))
from korus_mcp.seating import script  # of this checkout

FOLDER: Final = Path(script.__file__).with_name("fonts")
WEIGHTS: Final = {"Regular": 400, "SemiBold": 600}
FEATURES: Final = ("kern", "mark", "mkmk", "ccmp", "locl")
NAMES: Final = (0, 1, 2, 3, 4, 5, 6, 13, 14, 16, 17)
"""Copyright and licence among them."""


def cut(source: Path, weight: int, target: Path) -> int:
    """Cut one weight out of the variable font; answers how many bytes it has."""
    instancer: Any = importlib.import_module("fontTools.varLib.instancer")
    subset: Any = importlib.import_module("fontTools.subset")
    whole = importlib.import_module("fontTools.ttLib").TTFont(source, recalcTimestamp=False)
    font = instancer.instantiateVariableFont(
        whole, {"wdth": 100, "wght": weight}, updateFontNames=True
    )
    options = subset.Options(
        hinting=False,
        notdef_outline=True,
        layout_features=list(FEATURES),
        name_IDs=list(NAMES),
        recalc_timestamp=False,
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[n for first, last in script.RANGES for n in range(first, last + 1)])
    cutter.subset(font)
    font.save(target)
    return target.stat().st_size


def main() -> None:
    """Cut both, and say how large they are."""
    (source,) = (
        Path(str(each))
        for each in (files("fontpkg_noto_sans") / "files").iterdir()
        if each.name.startswith("NotoSans[")
    )
    for name, weight in WEIGHTS.items():
        target = FOLDER / f"NotoSans-{name}.ttf"
        sys.stdout.write(f"{target.name}: {cut(source, weight, target)} bytes\n")


if __name__ == "__main__":
    main()
