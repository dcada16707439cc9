"""make bundle: the bundle (MCPB) of deploy/bundle with a wheel inside, as hosts install it.

The packer and its Node come from npm, into a folder that is thrown away. What is packed is copied
into a clean one, since the packer takes along whatever a run has left beside the files.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from korus_mcp import __version__
from tests.docs.manifest import ENTRY, FOLDER, ICON, MANIFEST, PROJECT, ROOT, WHEEL
from tests.fixtures.npm import Installed, installed

PACKER: Final = "@anthropic-ai/mcpb"
VERSION: Final = "2.1.2"
NAME: Final = f"korus-mcp-{__version__}.mcpb"
FILES: Final = (MANIFEST, PROJECT, FOLDER / ENTRY, FOLDER / ".mcpbignore")


def laid_out(folder: Path) -> None:
    """Copy what belongs into the bundle to a folder, and build the wheel there."""
    for file in FILES:
        place = folder / file.relative_to(FOLDER)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    for file in (ROOT / "LICENSE", ICON):
        shutil.copy(file, folder)
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*build, "--directory", str(folder)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if not (folder / WHEEL).exists():
        raise FileNotFoundError(f"the wheel is not named {WHEEL}")


def packer(folder: Path) -> Installed:
    """The packer, installed into a folder."""
    return installed(folder, f"{PACKER}@{VERSION}")


def packed(folder: Path, target: Path, tools: Installed) -> Path:
    """Validate the manifest in a folder, and pack the folder into a file of `target`.

    Raises:
        subprocess.CalledProcessError: the manifest or the folder is refused; `stdout` says why.
    """
    bundle = target / NAME
    _run(tools, "validate", str(folder / MANIFEST.name))
    _run(tools, "pack", str(folder), str(bundle))
    return bundle


def _run(tools: Installed, *arguments: str) -> None:
    program: Sequence[str] = (str(tools.node), str(tools.modules / PACKER / "dist/cli/cli.js"))
    subprocess.run(
        [*program, *arguments],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def main() -> None:
    """Pack it into dist/, and print its digest: two packs of the same files differ in bytes."""
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="korus-bundle-") as made:
        folder, tools = Path(made) / "bundle", Path(made) / "tools"
        folder.mkdir()
        laid_out(folder)
        bundle = packed(folder, dist, packer(tools))
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    (dist / f"{NAME}.sha256").write_text(f"{digest}  {NAME}\n", "utf-8")
    sys.stdout.write(f"bundle: {bundle.stat().st_size} bytes, sha256 {digest}\n")


if __name__ == "__main__":
    main()
