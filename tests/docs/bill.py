"""The bill of materials (CycloneDX) names what the wheel needs, and nothing of a machine."""

import json
import sys
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def asked_of(wheel: Path) -> list[Requirement]:
    """What the wheel needs on this machine, without its extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = BytesParser().parsebytes(archive.read(name)).get_all("Requires-Dist", [])
    requirements = [Requirement(line) for line in lines]
    return [asked for asked in requirements if not asked.marker or asked.marker.evaluate()]


def faults(bill: dict[str, Any], asked: list[Requirement]) -> Iterator[str]:
    """What is wrong with a bill, a sentence each."""
    versions = {canonicalize_name(c["name"]): c.get("version", "") for c in bill["components"]}
    for requirement in asked:
        version = versions.get(canonicalize_name(requirement.name))
        if not version:
            yield f"{requirement.name} is not in the bill, or without its version"
        elif version not in requirement.specifier:
            yield f"{requirement.name} {version} is not what the wheel asks for"
    if "file:" in json.dumps(bill):
        yield "a path of the machine that built it is in the bill"


def main(dist: Path) -> None:
    """Compares the bill in the folder with its wheel; exits with what is wrong."""
    (wheel,) = dist.glob("*.whl")
    (file,) = dist.glob("*.cdx.json")
    asked = asked_of(wheel)
    bill = json.loads(file.read_text("utf-8"))
    if found := list(faults(bill, asked)):
        sys.exit("\n".join(found))
    said = f"bill of materials: {len(bill['components'])} components, {len(asked)} asked for"
    sys.stdout.write(said + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
