"""What can be seen of a page: its texts, its parts, its pages, what scrolls, how large it is."""

import json
from collections.abc import Iterator

from playwright.sync_api import Frame, Locator

from tests.ui.stage import MODULES

AXE = MODULES / "axe-core" / "axe.min.js"

SEEN = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.getElementById("page"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data, parentElement: parent } = walker.currentNode;
    if (!data.trim() || parent.closest(".clock, .tip, svg, [role=status]")) continue;
    if (parent.checkVisibility({ visibilityProperty: true })) found.push(data.trim());
  }
  return found;
}"""
"""All texts that are shown, but those of a clock, a map and what is only heard."""
SCROLLING = """() => [...document.querySelectorAll("body *")]
  .filter((e) => /auto|scroll/.test(getComputedStyle(e).overflowY + getComputedStyle(e).overflowX))
  .map((e) => `${e.tagName}.${e.className}`)"""
SMALL = """least => [...document.querySelectorAll("button, input, summary, label, a, select")]
  .filter((e) => e.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }))
  .map((e) => [e.getAttribute("data-place") ?? e.className, e.getBoundingClientRect()])
  .filter(([, box]) => box.width < least || box.height < least)
  .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


def serious(frame: Frame) -> list[str]:
    """Violations that axe-core calls serious or critical."""
    if not frame.evaluate("() => 'axe' in window"):
        frame.evaluate(f"() => {{ {AXE.read_text(encoding='utf-8')} }}")
    # It takes the ground of a transparent page for white; this is what a host paints there.
    frame.evaluate("() => (document.documentElement.style.background = 'var(--bg)')")
    found = json.loads(
        frame.evaluate(
            "async () => JSON.stringify("
            "(await axe.run({ resultTypes: ['violations'] })).violations)"
        )
    )
    frame.evaluate("() => (document.documentElement.style.background = '')")
    return [
        f"{v['id']}: {[n['html'][:120] for n in v['nodes'][:3]]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def seen(frame: Frame) -> list[str]:
    """The texts that are shown."""
    found: list[str] = frame.evaluate(SEEN)
    return found


def scrolling(frame: Frame) -> list[str]:
    """Elements inside the page that may scroll by themselves."""
    found: list[str] = frame.evaluate(SCROLLING)
    return found


def small_targets(frame: Frame, least: int = 44) -> list[str]:
    """What is there to press and is smaller than a finger, with its size."""
    found: list[str] = frame.evaluate(SMALL, least)
    return found


def height_of(frame: Frame) -> int:
    """How high all that is shown is."""
    height: float = frame.evaluate("() => document.body.getBoundingClientRect().height")
    return round(height)


def overflow_of(frame: Frame) -> tuple[int, int]:
    """By how many pixels the document is wider and higher than its frame."""
    across, down = frame.evaluate(
        """() => [document.scrollingElement.scrollWidth - innerWidth,
                  document.scrollingElement.scrollHeight - innerHeight]"""
    )
    return across, down


def pages(frame: Frame) -> Iterator[int]:
    """Turn through the pages, beginning with the first; answers their numbers."""
    number = 1
    yield number
    on = frame.locator(".pager:not([hidden]) .turn").last
    while on.count() and on.get_attribute("aria-disabled") == "false":
        on.click()
        number += 1
        yield number


def turn_to(frame: Frame, selector: str) -> Locator:
    """An element, on whichever page it stands."""
    back = frame.locator(".pager:not([hidden]) .turn").first
    while back.count() and back.get_attribute("aria-disabled") == "false":
        back.click()
    found = frame.locator(selector)
    for _ in pages(frame):
        if found.is_visible():
            return found
    raise AssertionError(f"on no page: {selector}")
