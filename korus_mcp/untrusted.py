"""Text written by others: HTML to plain text, invisible characters out, length capped.

Catalog texts, issuers' messages and names come from third parties and are read by a model. They
pass through here once, at the edge, and appear only in data fields. The table of code points is
that of the security notes; the order matters: HTML is decoded exactly once, then cleaned.
"""

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from typing import Final

FIELD_LIMIT = 2000
CUT_MARK = " [cut]"

_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_DROPPED = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0"  # zero width and blank
    "\U000e0000-\U000e0fff\ufe00-\ufe0d"  # tags and selectors
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}-{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)
_JOINERS = re.compile("[\u200c\u200d\ufe0e\ufe0f]+")
_LOOSE_END = re.compile("[\\s\u200c\u200d]+$")
_SPACES = re.compile(r"[ \t\xa0]+")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_READ_LIMIT: Final = 100_000
"""Of a longer text the rest is not even read: nobody would be shown it."""
_MARKUP: Final = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<[!?][^>]*(?:>|\Z)"
    r"|<(?P<end>/?)(?P<name>[a-zA-Z][^\s/<>]*)"
    r"""(?:"[^"<]{0,200}"|'[^'<]{0,200}'|[^<>])*+>?"""
    r"|</[^<>]*>?",
    re.DOTALL,
)
"""Whatever is no text. Each way ends where it must, closed or not, so that time stays linear:
the library's parser takes seconds for ten thousand characters of tags nobody closed."""
_BLOCKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})
_SILENT = frozenset({"script", "style", "template", "head"})


def clean(text: str, limit: int = FIELD_LIMIT) -> str:
    """A text without invisible characters, in NFC, at most `limit` characters, marked when cut."""
    return _cut(_visible_text(text), limit)


def clean_line(text: str, limit: int = 200) -> str:
    """The same on one line: for names and messages."""
    return _cut(" ".join(_visible_text(text).split()), limit)


def plain_text(html: str, limit: int = FIELD_LIMIT) -> str:
    """The words of an HTML text: tags dropped, entities decoded once, then cleaned."""
    text = _SPACES.sub(" ", "".join(_words(html[:_READ_LIMIT])))
    return clean(_BLANK_LINES.sub("\n", text.replace(" \n", "\n").replace("\n ", "\n")), limit)


def issuers_words(message: str | None) -> str:
    """Why an issuer refused, in its own words on one line; they may come as HTML."""
    return clean_line(plain_text(message or ""), 200) or "refused without a reason"


def _words(html: str) -> Iterator[str]:
    """Character data with entities decoded; blocks are line ends, scripts and styles nothing."""
    silent, read = "", 0
    for markup in _MARKUP.finditer(html):
        if not silent:
            yield unescape(html[read : markup.start()])
        read = markup.end()
        name = (markup["name"] or "").lower()
        if silent:
            silent = "" if markup["end"] and name == silent else silent
        elif name in _SILENT and not markup["end"]:
            silent = name
        elif name in _BLOCKS:
            yield "\n"
    if not silent:
        yield unescape(html[read:])


def _visible_text(text: str) -> str:
    text = _LINE_ENDS.sub("\n", text[:_READ_LIMIT])
    text = _DROPPED.sub("", _SURROGATES.sub("\ufffd", text))
    return unicodedata.normalize("NFC", _JOINERS.sub(_kept_joiners, text)).strip()


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return _LOOSE_END.sub("", text[: limit - len(CUT_MARK)]) + CUT_MARK


def _kept_joiners(run: re.Match[str]) -> str:
    """One selector, then one joiner, between visible characters; else nothing."""
    before = run.string[run.start() - 1 : run.start()]
    after = run.string[run.end() : run.end() + 1]
    selector = next((c for c in run.group() if c in "\ufe0e\ufe0f"), "")
    joiner = next((c for c in run.group() if c in "\u200c\u200d"), "")
    if not _visible(before):
        return ""
    return selector + (joiner if _visible(after) else "")


def _visible(character: str) -> bool:
    return bool(character) and not character.isspace()
