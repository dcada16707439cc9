"""Text written by others: HTML to plain text, invisible characters out, length capped.

Catalog texts, issuers' messages and names come from third parties and are read by a model. They
pass through here once, at the edge, and appear only in data fields (docs/promises.md, "Text that
others wrote"). The order matters: HTML is decoded exactly once, then cleaned.

Time grows with the length of a text and no faster, however hostile it is, and of a long text only
a few times what may be shown is looked at. HTML is read by libxml2 (lxml), which keeps to that, and
there are wheels for every platform that we run on.
"""

import re
import unicodedata
from collections.abc import Mapping
from itertools import zip_longest
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
_ODD = re.compile(f"\n|{_LINE_ENDS.pattern}|{_SURROGATES.pattern}|{_DROPPED.pattern}")
_JOINERS = re.compile("[\u200c\u200d\ufe0e\ufe0f]+")
_SPACES = re.compile(r"[ \t\xa0]+")
_BLANK_LINES = re.compile(r"\n[ \t]*+(?:\n[ \t]*+)+")
_MARKED = re.compile("[^\\w\\s\x00-\u02ff]{31,}+")
"""Where too many marks may sit on one letter: normal forms sort them, in the square of their count.

Marks are neither word characters nor spaces, so a run of them is a run of these.
"""
MOST_MARKS: Final = 30
"""As many as Unicode's Stream-Safe Text Format (annex 15) allows; no script needs ten."""
_READ_TIMES: Final = 8
_READ_AT_LEAST: Final = 4096
"""Of a text that is cleaned for showing, so many times its limit, or so much, is looked at."""
_HTML_LIMIT: Final = 100_000
"""The same of HTML, where markup may be many times as long as the words."""
# Elements that begin a line of their own to a reader.
_BLOCKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})
# Their text is for programs.
_SILENT = frozenset({"script", "style", "template", "head"})
_HOST: Final = re.compile(
    r"\s*+<?(?:https?:)?//(?:[^/?#\\]*@)?(?P<host>[\w.-]{1,253})", re.IGNORECASE
)
# Possessive: what does not match is given up at once, however long. Blanks beside blanks would be
# shared out in every way there is.
_BRACKETS = r"\[(?P<text>(?:[^][]|\[[^][]*+])*+)]"
_ADDRESS = (
    r"\(\s*+(?P<address><[^<>\n]*+>|(?:[^()\s]|\([^()\s]*+\))*+)"
    r"""(?:\s++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?+\s*+\)"""
)
_IMAGE: Final = re.compile(f"!{_BRACKETS}{_ADDRESS}")
_LINK: Final = re.compile(_BRACKETS + _ADDRESS)
_LEFT_OF_A_LINK: Final = re.compile(
    r"](?=\(|:[\s\u200c\u200d\ufe0e\ufe0f]*+<?(?:[a-z][a-z0-9+.-]*+:|//))", re.IGNORECASE
)
"""A bracket that Markdown would still join with an address: written inline, or defined below."""


INERT_LIMIT: Final = 600
# Not dropped: a name should still look like itself to the person who agrees to it.
_INERT: Final = str.maketrans(
    {
        '"': "'",
        "`": "'",
        "<": "(",
        ">": ")",
        "[": "(",
        "]": ")",
        "*": "\u2217",
        "~": "\u223c",
        "|": "\u00a6",
        "\\": "\u2216",
        "$": "\uff04",
        "\u2800": " ",
    }
)
"""What Markdown and its dialects read as markup, as marks that look alike."""
_ENTITY_BEGUN: Final = re.compile(r"&(?=#?[A-Za-z0-9]{1,31};)")
_LOOSE_UNDERSCORE: Final = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ADDRESS_BEGUN: Final = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,31}:(?=//)|\b(?:mailto|xmpp|tel|sms|javascript|data):|\bwww\.)(?=\S)",
    re.IGNORECASE,
)


def clean(text: str, limit: int = FIELD_LIMIT) -> str:
    """A text without invisible characters, in NFC, at most `limit` characters, marked when cut."""
    read = _beginning(text, limit)
    return _cut(_in_form(_printable(read)), limit, was_cut=len(read) < len(text))


def clean_line(text: str, limit: int = 200) -> str:
    """The same on one line and without Markdown's images and links: for names and messages."""
    read = _beginning(text, limit)
    line = _in_form(_without_links(_printable(read)))
    return _cut(" ".join(line.split()), limit, was_cut=len(read) < len(text))


def plain_text(html: str, limit: int = FIELD_LIMIT) -> str:
    """The words of an HTML text: tags dropped, entities decoded once, then cleaned.

    Images go; of links their text and host stay, those of Markdown, too. A long one takes
    milliseconds: where many are read, that is for a thread.
    """
    # Cleaned again behind the parser: an entity may stand for what cleaning drops.
    words = _with_few_blanks(_printable(_words(html[:_HTML_LIMIT])))
    # Cut before links are looked for, and again behind: time must not grow with what is not shown.
    read = _beginning(words, limit)
    text = _in_form(_with_few_blanks(_without_links(read)))
    return _cut(text, limit, was_cut=len(read) < len(words) or len(html) > _HTML_LIMIT)


def first_unsendable(text: str) -> str | None:
    """The first character of a line of text that cleaning would drop or replace; None for none."""
    odd = _ODD.search(text)
    if odd is not None:
        return odd.group()[0]
    pairs = zip_longest(text, _in_form(text))
    return next((each for each, kept in pairs if each is not None and each != kept), None)


def inert_line(text: str, limit: int = INERT_LIMIT) -> str:
    """A line in which nothing is markup: for texts that a person reads before they agree.

    It stands between quotes or commas, wherever a host renders Markdown: marks become others that
    look alike, addresses are no links, and no entity is decoded.
    """
    line = clean_line(text.translate(_INERT), limit)
    # Within a word an underscore is no emphasis, and addresses of mail have them.
    line = _LOOSE_UNDERSCORE.sub("\uff3f", _ENTITY_BEGUN.sub("\uff06", line))
    return _ADDRESS_BEGUN.sub(r"\g<0> ", line)


def issuers_words(message: str | None) -> str:
    """Why an issuer refused, in its own words on one line; they may come as HTML."""
    return clean_line(plain_text(message or ""), 200) or "refused without a reason"


def _words(html: str) -> str:
    """Character data with entities decoded; blocks are line ends, scripts and styles nothing."""
    if "<" not in html and "&" not in html:
        return html
    from lxml import etree  # type: ignore[import-untyped]

    # Tags nobody closed nest deeply; the text within them counts like any other.
    parser = etree.HTMLParser(target=_Words(), encoding="utf-8", huge_tree=True)
    # libxml2 takes bytes, and half a character has none.
    parser.feed(_SURROGATES.sub("\ufffd", html).encode())
    words: str = parser.close()
    return words


class _Words:
    """Collects the words of a document while a parser reads it."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []
        self._said, self._last = 0, ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._words.append("\n")
        elif tag == "a":
            self._links.append((_host_of(attributes.get("href", "")), self._said))

    def end(self, tag: str) -> None:
        """An element ends, closed or not."""
        if tag in _SILENT:
            self._silent -= 1
        elif tag in _BLOCKS and tag != "br":
            self._words.append("\n")
        elif tag == "a":
            # The host is said beside the words of a link only: "your bank (evil.example)".
            host, said_before = self._links.pop()
            # A link around an image or nothing says nothing: its host would stand alone.
            if self._said > said_before:
                self._words.append(_beside(self._last, host))

    def data(self, text: str) -> None:
        """Words between two tags."""
        if self._silent:
            return
        self._words.append(text)
        if not text.isspace():
            self._said, self._last = self._said + 1, text

    def close(self) -> str:
        """All words."""
        return "".join(self._words)


def _without_links(text: str) -> str:
    """Markdown's images dropped, its links as their text and host; no address is left to join."""
    if "](" in text:
        # Images first: an image in the text of a link would leave its address behind.
        text = _IMAGE.sub("", text)
        text = _LINK.sub(lambda m: m["text"] + _beside(m["text"], _host_of(m["address"])), text)
    return _LEFT_OF_A_LINK.sub("] ", text)


def _beside(text: str, host: str) -> str:
    """A link's host in brackets, unless there is none or the text says it."""
    return f" ({host})" if host and text.strip() and host not in text else ""


def _host_of(address: str) -> str:
    found = _HOST.match(address)
    return found["host"] if found else ""


def _beginning(text: str, limit: int) -> str:
    """As much of a text as is looked at to show `limit` characters of it."""
    # What is dropped from it makes room for what follows; of a long text that is enough.
    return text[: max(_READ_TIMES * limit, _READ_AT_LEAST)]


def _printable(text: str) -> str:
    """A text with one kind of line end, without what nobody sees."""
    return _DROPPED.sub("", _SURROGATES.sub("\ufffd", _LINE_ENDS.sub("\n", text)))


def _with_few_blanks(text: str) -> str:
    """A text without blank lines, and with one space where several blanks stood."""
    text = _SPACES.sub(" ", text).replace(" \n", "\n").replace("\n ", "\n")
    return _BLANK_LINES.sub("\n", text).strip()


def _in_form(text: str) -> str:
    """A text with joiners only where they join, no more marks than letters bear, in NFC."""
    text = _MARKED.sub(_with_few_marks, _JOINERS.sub(_kept_joiners, text))
    return unicodedata.normalize("NFC", text).strip()


def _with_few_marks(run: re.Match[str]) -> str:
    """The first thirty marks of each run of marks."""
    kept, marks = list[str](), 0
    for character in run.group():
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)


def _cut(text: str, limit: int, *, was_cut: bool) -> str:
    if len(text) <= limit and not was_cut:
        return text
    # Not behind a space or a joiner, which would join with the mark.
    end = min(len(text), limit - len(CUT_MARK))
    while end and (text[end - 1].isspace() or text[end - 1] in "\u200c\u200d"):
        end -= 1
    return (text[:end] + CUT_MARK).lstrip()


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
