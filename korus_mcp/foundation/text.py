"""Cleans text written by others: HTML to plain text, no invisible characters, limited length.

Catalog texts, issuers' messages and names come from third parties and are read by a model. They are
cleaned once, when the API's answer becomes a record or an error, and appear only in data fields
(docs/promises.md, "Text that others wrote"). HTML is decoded exactly once, then cleaned.

However hostile a text is, cleaning takes linear time, and of a long text only a few times what may
be shown is looked at. lxml (libxml2) parses HTML in linear time, and has wheels for every platform
we run on.
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
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # writing direction
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
"""A run that may hold too many combining marks for one letter: NFC sorts them, in quadratic time.

Combining marks are neither word characters nor spaces, so a run of them always matches.
"""
MOST_MARKS: Final = 30
"""The most combining marks in a row: Unicode's Stream-Safe Text Format (annex 15) allows as many;
no script needs ten."""
_READ_TIMES: Final = 8
_READ_AT_LEAST: Final = 4096
"""How much of a text is looked at: `_READ_TIMES` times its limit, but at least this."""
_HTML_LIMIT: Final = 100_000
"""How much of an HTML text is looked at: markup may be many times as long as the words."""
# Elements that begin a new line.
_BLOCKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6"})
# Elements whose text is not shown to readers.
_SILENT = frozenset({"script", "style", "template", "head"})
_HOST: Final = re.compile(
    r"\s*+<?(?:https?:)?//(?:[^/?#\\]*@)?(?P<host>[\w.-]{1,253})", re.IGNORECASE
)
# Possessive quantifiers, which never backtrack: a long text that does not match would take very
# long.
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
"""A bracket that Markdown would still take for a link: with an address behind it, or defined
below."""


INERT_LIMIT: Final = 600
# Replaced and not dropped: a name should still look the same to the person who agrees to it.
_INERT: Final = str.maketrans(
    {'"': "'", "`": "'", "<": "(", ">": ")", "[": "(", "]": ")", "*": "\u2217"}
    | {"~": "\u223c", "|": "\u00a6", "\\": "\u2216", "$": "\uff04", "\u2800": " "}
)
"""Characters that Markdown and its dialects take for markup, with similar-looking ones."""
_ENTITY_BEGUN: Final = re.compile(r"&(?=#?[A-Za-z0-9]{1,31};)")
_LOOSE_UNDERSCORE: Final = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ADDRESS_BEGUN: Final = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,31}:(?=//)|\b(?:mailto|xmpp|tel|sms|javascript|data):|\bwww\.)(?=\S)",
    re.IGNORECASE,
)


def clean(text: str, limit: int = FIELD_LIMIT) -> str:
    """Clean a text: no invisible characters, NFC, at most `limit` characters, marked if cut."""
    read = _beginning(text, limit)
    return _cut(_in_form(_printable(read)), limit, was_cut=len(read) < len(text))


def clean_line(text: str, limit: int = 200) -> str:
    """A cleaned text on one line, without Markdown images and links: for names and messages."""
    read = _beginning(text, limit)
    line = _in_form(_without_links(_printable(read)))
    return _cut(" ".join(line.split()), limit, was_cut=len(read) < len(text))


def plain_text(html: str, limit: int = FIELD_LIMIT) -> str:
    """Convert HTML to plain text: tags dropped, entities decoded once, then cleaned.

    Images are dropped; of a link its text and host stay, also in Markdown. A long text takes
    milliseconds: clean many of them in a thread.
    """
    # Cleaned after the parser: an entity may stand for a character that cleaning drops.
    words = _with_few_blanks(_printable(_words(html[:_HTML_LIMIT])))
    # Cut before links are looked for, and again after: what is not shown should take no time.
    read = _beginning(words, limit)
    text = _in_form(_with_few_blanks(_without_links(read)))
    return _cut(text, limit, was_cut=len(read) < len(words) or len(html) > _HTML_LIMIT)


def first_unsendable(text: str) -> str | None:
    """The first character that cleaning a line would drop or replace; None if there is none."""
    odd = _ODD.search(text)
    if odd is not None:
        return odd.group()[0]
    pairs = zip_longest(text, _in_form(text))
    return next((each for each, kept in pairs if each is not None and each != kept), None)


def inert_line(text: str, limit: int = INERT_LIMIT) -> str:
    """A line without any markup: for texts that a person reads before they agree.

    It may stand anywhere in text that a host renders as Markdown: markup characters become similar
    ones, addresses do not become links, and no entity is decoded.
    """
    line = clean_line(text.translate(_INERT), limit)
    # Underscores within a word are no emphasis, and e-mail addresses have them.
    line = _LOOSE_UNDERSCORE.sub("\uff3f", _ENTITY_BEGUN.sub("\uff06", line))
    return _ADDRESS_BEGUN.sub(r"\g<0> ", line)


def without_middle(line: str, most: int) -> str:
    """A line of at most so many characters, cut in its middle: how a name ends, with its tariff or
    its day, tells it from others.
    """
    if len(line) <= most:
        return line
    tail = most // 3
    # Neither beside a space nor a joiner, which would combine with the mark of the cut.
    odd = " \u200c\u200d"
    return f"{line[: most - tail - 1].rstrip(odd)}\u2026{line[-tail:].lstrip(odd)}"


def issuers_words(message: str | None) -> str:
    """An issuer's message of refusal, cleaned, on one line; it may come as HTML."""
    return clean_line(plain_text(message or ""), 200) or "refused without a reason"


def _words(html: str) -> str:
    """The text of an HTML document, entities decoded, block elements as lines, without scripts."""
    if "<" not in html and "&" not in html:
        return html
    from lxml import etree  # type: ignore[import-untyped]

    # `huge_tree`: unclosed tags nest deeply, and their text counts like any other.
    parser = etree.HTMLParser(target=_Words(), encoding="utf-8", huge_tree=True)
    # libxml2 takes bytes, and half of a surrogate pair cannot be encoded.
    parser.feed(_SURROGATES.sub("\ufffd", html).encode())
    words: str = parser.close()
    return words


class _Words:
    """A target for lxml's parser that collects the words of a document."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []
        self._said, self._last = 0, ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Called when an element begins."""
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BLOCKS:
            self._words.append("\n")
        elif tag == "a":
            self._links.append((_host_of(attributes.get("href", "")), self._said))

    def end(self, tag: str) -> None:
        """Called when an element ends, closed or not."""
        if tag in _SILENT:
            self._silent -= 1
        elif tag in _BLOCKS and tag != "br":
            self._words.append("\n")
        elif tag == "a":
            # The host is put behind the words of a link: "your bank (evil.example)".
            host, said_before = self._links.pop()
            # A link without words, such as around an image, is dropped: its host would stand alone.
            if self._said > said_before:
                self._words.append(_beside(self._last, host))

    def data(self, text: str) -> None:
        """Called with the words between two tags."""
        if self._silent:
            return
        self._words.append(text)
        if not text.isspace():
            self._said, self._last = self._said + 1, text

    def close(self) -> str:
        """Called at the end; returns all words."""
        return "".join(self._words)


def _without_links(text: str) -> str:
    """A text without Markdown images, and with links replaced by their text and host."""
    if "](" in text:
        # Images first: of an image within a link, the address would remain.
        text = _IMAGE.sub("", text)
        text = _LINK.sub(lambda m: m["text"] + _beside(m["text"], _host_of(m["address"])), text)
    return _LEFT_OF_A_LINK.sub("] ", text)


def _beside(text: str, host: str) -> str:
    """The host of a link in brackets; "" if there is none, or the link's text contains it."""
    return f" ({host})" if host and text.strip() and host not in text else ""


def _host_of(address: str) -> str:
    found = _HOST.match(address)
    return found["host"] if found else ""


def _beginning(text: str, limit: int) -> str:
    """The beginning of a text that is looked at to show `limit` characters of it."""
    # More than the limit, since cleaning drops some of it.
    return text[: max(_READ_TIMES * limit, _READ_AT_LEAST)]


def _printable(text: str) -> str:
    """A text with uniform line ends, without invisible characters."""
    return _DROPPED.sub("", _SURROGATES.sub("\ufffd", _LINE_ENDS.sub("\n", text)))


def _with_few_blanks(text: str) -> str:
    """A text without blank lines, and with one space where several blanks stood."""
    text = _SPACES.sub(" ", text).replace(" \n", "\n").replace("\n ", "\n")
    return _BLANK_LINES.sub("\n", text).strip()


def _in_form(text: str) -> str:
    """A text in NFC, with joiners only between visible characters, and few marks on a letter."""
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
    # Not behind a space or a joiner, which would combine with the mark of the cut.
    end = min(len(text), limit - len(CUT_MARK))
    while end and (text[end - 1].isspace() or text[end - 1] in "\u200c\u200d"):
        end -= 1
    return (text[:end] + CUT_MARK).lstrip()


def _kept_joiners(run: re.Match[str]) -> str:
    """One variation selector and one joiner between visible characters; else nothing."""
    before = run.string[run.start() - 1 : run.start()]
    after = run.string[run.end() : run.end() + 1]
    selector = next((c for c in run.group() if c in "\ufe0e\ufe0f"), "")
    joiner = next((c for c in run.group() if c in "\u200c\u200d"), "")
    if not _visible(before):
        return ""
    return selector + (joiner if _visible(after) else "")


def _visible(character: str) -> bool:
    return bool(character) and not character.isspace()
