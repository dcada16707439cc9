"""The stage of a page: a loopback server, Chromium, the reference host around the page."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Dialog, Frame, Page

ROOT = Path(__file__).parents[2]
UI = ROOT / "korus_mcp" / "ui"
BUILT = UI / "built"
MODULES = UI / "node_modules"
HOST = Path(__file__).parent / "host"
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or "chromium"
"""Debian's; the shell is the same engine without a desktop, and needs half the time."""

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]  # fmt: skip
"""Every name below .test is this machine, so that pages have origins of other places."""
REFERENCE = "host"
MCP_UI = "mcp-ui"
"""The hosts by their page: the reference app-bridge, and @mcp-ui/client."""

DEFAULT_CSP = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; media-src 'self' data:; connect-src 'none'"
)
"""What a host sets where a page declares no origins (MCP Apps 2026-01-26)."""

WITNESS = """
window.witness = { violations: [], errors: [] };
document.addEventListener("securitypolicyviolation", (e) =>
  window.witness.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
window.addEventListener("error", (e) => window.witness.errors.push(String(e.message)));
window.addEventListener("unhandledrejection", (e) => window.witness.errors.push(String(e.reason)));
"""


def bundle(name: str, folder: Path) -> None:
    """Bundle a script of the hosts' folder into one file of the same name."""
    run_node(HOST / "build.mjs", name, str(folder / name))


def run_node(script: Path, *arguments: str) -> None:
    """Run a script where the packages of the pages are installed.

    Raises:
        CalledProcessError: it failed; what it said is in `stderr`.
    """
    command = ["node", str(script), *arguments]
    subprocess.run(command, cwd=UI, check=True, capture_output=True, text=True)


@contextmanager
def served(folder: Path, built: Path = BUILT) -> Iterator[str]:
    """The hosts, with the scripts that are bundled in a folder, and the built pages on loopback;
    answers the origin."""
    handler = partial(_Handler, {
        **{f"/{p.name}": (p, "text/html", None) for p in HOST.glob("*.html")},
        **{f"/{p.name}": (folder / p.name, "text/javascript", None) for p in HOST.glob("*.js")},
        **{f"/app/{p.name}": (p, "text/html", DEFAULT_CSP) for p in built.glob("*.html")},
        "/sandbox.html": (HOST / "sandbox.html", "text/html", DEFAULT_CSP),
    })  # fmt: skip
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, files: dict[str, tuple[Path, str, str | None]], *rest: Any) -> None:
        self._files = files
        super().__init__(*rest)

    def do_GET(self) -> None:
        known = self._files.get(self.path)
        if known is None:
            self.send_error(404)
            return
        path, kind, policy = known
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        pass


@dataclass
class Stage:
    """One page in its host. Everything the browser asked the network for is in `requests`.

    A page has the whole screen, unless its plan says where else it is: then nothing is divided.
    """

    context: BrowserContext
    page: Page
    origin: str
    host_page: str = REFERENCE
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def open(self, name: str, **plan: Any) -> Frame:
        """Open a page by its name, with a plan of host/plan.js; answers its frame."""
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._dismiss)
        self.page.goto(f"{self.origin}/{self.host_page}.html")
        context = {"displayMode": "fullscreen", **plan.pop("context", {})}
        wished = {"page": name, "context": context, **plan}
        if self.host_page == MCP_UI:
            return self._open_nested(wished)
        self.page.evaluate("plan => host.start(plan)", wished)
        self.page.wait_for_function("() => frames.length === 1")
        self.page.wait_for_selector("iframe")
        handle = self.page.query_selector("iframe")
        frame = handle.content_frame() if handle else None
        assert frame is not None
        frame.wait_for_url(f"**/app/{name}.html")
        return frame

    def _open_nested(self, plan: dict[str, Any]) -> Frame:
        """The page in the inner of two frames, of which the outer one is of another origin."""
        sandbox = f"{self.origin.replace('127.0.0.1', 'sandbox.test')}/sandbox.html"
        self.page.evaluate("plan => void host.start(plan)", {"sandbox": sandbox, **plan})
        inner = self.page.frame_locator("iframe").frame_locator("iframe").locator("#page")
        inner.wait_for(state="attached")
        handle = inner.element_handle()
        frame = handle.owner_frame() if handle else None
        assert frame is not None
        return frame

    @property
    def log(self) -> dict[str, Any]:
        """What the page asked its host for so far."""
        found: dict[str, Any] = self.page.evaluate("() => host.log")
        return found

    def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The log as soon as something holds of it."""
        for _ in range(200):
            log = self.log
            if holds(log):
                return log
            self.page.wait_for_timeout(25)
        raise AssertionError(f"it did not come to hold: {self.log}")

    def host(self, method: str, *arguments: Any) -> Any:
        """Call `window.host.METHOD`."""
        return self.page.evaluate("([m, a]) => host[m](...a)", [method, list(arguments)])

    @property
    def foreign(self) -> list[str]:
        """Requests for anything but the host, its script and the page itself."""
        own = (f"{self.origin}/{self.host_page}.", f"{self.origin}/app/", "data:")
        return [
            url
            for url in self.requests
            if not url.startswith(own) and not url.endswith("/sandbox.html")
        ]

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


def witness(frame: Frame) -> dict[str, list[str]]:
    """Violations of the policy and errors that nobody caught, in the page."""
    found: dict[str, list[str]] = frame.evaluate("() => window.witness")
    return found


@contextmanager
def staged(
    browser: Browser, origin: str, host_page: str = REFERENCE, **options: Any
) -> Iterator[Stage]:
    """A stage in a browser context of its own (`viewport`, `color_scheme`, ... of Playwright)."""
    options.setdefault("viewport", {"width": 1000, "height": 900})
    context = browser.new_context(**options)
    context.add_init_script(WITNESS)
    context.set_default_timeout(45_000)
    try:
        yield Stage(context, context.new_page(), origin, host_page)
    finally:
        context.close()
