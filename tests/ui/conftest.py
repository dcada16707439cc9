"""Chromium, the bundled host and a stage for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.ui.stage import CHROMIUM, FLAGS, MCP_UI, MODULES, Stage, bundle, served, staged

Open: TypeAlias = Callable[..., Stage]
expect.set_options(timeout=45_000)  # 5 s are too short on a busy machine


@pytest.fixture(scope="session")
def modules() -> Path:
    """The npm packages of the pages."""
    if not (MODULES / "esbuild").is_dir():
        pytest.skip("no npm packages: make ui")
    return MODULES


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, in a profile of its own.

    For one module only: its driver runs an event loop, beside which no other may begin.
    """
    if not Path(CHROMIUM).exists():
        pytest.skip("no chromium: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def scripts(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of bundled scripts of the hosts: that of the reference host, for a start."""
    folder = tmp_path_factory.mktemp("host")
    bundle("host.js", folder)
    return folder


@pytest.fixture(scope="session")
def origin(scripts: Path) -> Iterator[str]:
    """Where the hosts and the pages are served."""
    with served(scripts) as address:
        yield address


@pytest.fixture(scope="session")
def mcp_ui(scripts: Path) -> str:
    """The independent host, bundled."""
    bundle(f"{MCP_UI}.js", scripts)
    return MCP_UI


@pytest.fixture
def stage_with(browser: Browser, origin: str) -> Iterator[Open]:
    """Make stages with options of a browser context."""
    with ExitStack() as stack:

        def make(**options: Any) -> Stage:
            return stack.enter_context(staged(browser, origin, **options))

        yield make


@pytest.fixture
def stage(stage_with: Open) -> Stage:
    """A stage as wide as a desktop."""
    return stage_with()
