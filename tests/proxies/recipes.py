"""The recipes of docs/deploy.md, and how each proxy is started with one in a folder of its own."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fixtures.hosts import PROJECT

PAGE: Final = PROJECT / "docs" / "deploy.md"
NAME: Final = "mcp.example.org"
PORTS: Final = ("8080", "9101", "9102")
"""As the recipes have them: the proxy's, and those of both servers."""
_MODULES: Final = Path("/usr/lib/apache2/modules")
_LOADED: Final = (
    "mpm_event",
    "authz_core",
    "headers",
    "setenvif",
    "proxy",
    "proxy_http",
    "proxy_balancer",
    "lbmethod_byrequests",
    "slotmem_shm",
)
_IS_ROOT: Final = os.geteuid() == 0
Command = Sequence[str]


def _nginx(folder: Path, recipe: str) -> Command:
    (folder / "korus-mcp.conf").write_text(recipe)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(
        ("user root;\n" if _IS_ROOT else "")
        + f"daemon off;\npid {folder}/pid;\nevents {{ worker_connections 1024; }}\n"
        + f"http {{\n    access_log off;\n{temporary}    include {folder}/korus-mcp.conf;\n}}\n"
    )
    return "-p", str(folder), "-e", f"{folder}/log", "-c", str(folder / "nginx.conf")


def _haproxy(folder: Path, recipe: str) -> Command:
    (folder / "haproxy.cfg").write_text(recipe)
    return "-db", "-f", str(folder / "haproxy.cfg")


def _apache(folder: Path, recipe: str) -> Command:
    (folder / "site.conf").write_text(recipe)
    loaded = "".join(f"LoadModule {m}_module {_MODULES}/mod_{m}.so\n" for m in _LOADED)
    (folder / "apache.conf").write_text(
        f"ServerRoot {folder}\nDefaultRuntimeDir {folder}\nPidFile {folder}/pid\n"
        f"ErrorLog {folder}/log\nServerName localhost\n{loaded}"
        + (f"LoadModule unixd_module {_MODULES}/mod_unixd.so\nUser www-data\n" if _unixd() else "")
        + f"Include {folder}/site.conf\n"
    )
    return "-d", str(folder), "-f", str(folder / "apache.conf"), "-DFOREGROUND"


def _unixd() -> bool:
    # Debian has it within the program.
    return (_MODULES / "mod_unixd.so").exists()


def _caddy(folder: Path, recipe: str) -> Command:
    (folder / "Caddyfile").write_text(recipe)
    return "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"


@dataclass(frozen=True)
class Proxy:
    """A proxy: its program, the language of its recipe, and what it is started with."""

    name: str
    program: str
    language: str
    version: str
    """The argument that has it tell its version."""
    prepared: Callable[[Path, str], Command]

    @property
    def found(self) -> str | None:
        """Where the program is; None where it is not installed."""
        # Beside this Python is what pip installed; Debian's daemons are where only root looks.
        beside = f"{Path(sys.executable).parent}:{os.defpath}:/usr/sbin:/usr/local/sbin"
        return shutil.which(self.program) or shutil.which(self.program, path=beside)

    def told(self) -> str:
        """Name and version."""
        assert self.found is not None
        ran = subprocess.run([self.found, self.version], capture_output=True, text=True, check=True)
        number = re.search(r"[0-9]+\.[0-9]+\.[0-9]+", ran.stdout + ran.stderr)
        return f"{self.name} {number[0] if number else '?'}"

    def command(self, folder: Path, ports: Mapping[str, int]) -> Command:
        """The command that starts it in this folder, by its recipe at these ports."""
        assert self.found is not None
        recipe = recipe_of(self.language)
        for written, real in ports.items():
            assert re.search(rf"\b{written}\b", recipe), f"{self.name}: {written}"
            recipe = re.sub(rf"\b{written}\b", str(real), recipe)
        return self.found, *self.prepared(folder, recipe)


PROXIES: Final = (
    Proxy("nginx", "nginx", "nginx", "-v", _nginx),
    Proxy("haproxy", "haproxy", "haproxy", "-v", _haproxy),
    Proxy("Apache", "apache2", "apache", "-v", _apache),
    Proxy("Caddy", "caddy", "caddyfile", "version", _caddy),
)


def recipe_of(language: str) -> str:
    """The text of the recipe in a language, as the document has it."""
    (found,) = re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    return str(found)
