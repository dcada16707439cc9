"""The ceiling of replies: neither the text nor the structure of one has more than 4,000 tokens.

Counting tokens (o200k) exactly takes a vocabulary of megabytes. An upper bound is enough: it is
close for ids, prices and times, of which long replies consist, and generous for names.
"""

import re
from collections.abc import Callable
from typing import Final

CEILING: Final = 4000
_PIECE: Final = re.compile("[0-9]{1,3}|[ _]?[A-Za-z]+|[^A-Za-z0-9]+?(?=[ _]?[A-Za-z]|[0-9]|$)")
ONE_TOKEN: Final = frozenset(
    word
    for line in (
        "amount category check checked choices choose city code country created cursor customer",
        "date dates day days documents email environment failed false fields id is kind left lines",
        "live map message name needed next not note of offer on option order orders place price",
        "product quantity ready reference required saved session sessions start state status",
        "ticket title to total true type uri when with zone",
        # marks between words
        """ "," ":" ": "},{" ":[" ":{" "} {" },{" """,
    )
    for word in line.split()
)
"""Splits a text into pieces: words, with a blank or underscore before them, and marks."""
TWO_TOKENS: Final = frozenset(
    word
    for line in (
        "deadline ends enough expires expiry firstname held issuer lastname offers outcome",
        "reservation seat seating seats shown sold starts tickets together venue voucher zones EUR",
    )
    for word in line.split()
)
_RARE_PAIR: Final = re.compile(
    "bq|g[kq]|j[vz]|k[qz]|lq|nq|q[fgjkvz]|rj|tq|w[qz]|x[gjkqvw]|yq|z[jqv]"
)
"""Pairs of letters that are two tokens; any other pair is one."""


def fits(*halves: str) -> bool:
    """Whether each half of a reply stays under the ceiling."""
    # The cheap test first: a token has at least one byte, so a short text fits for certain.
    return all(len(half.encode()) <= CEILING or most_tokens(half) <= CEILING for half in halves)


def most_that_fit(count: int, do_fit: Callable[[int], bool]) -> int:
    """The largest number of rows, of `count`, for which `do_fit` is true; 1 if there is none."""
    # Found by bisection, since each try renders the whole answer.
    fitting, too_many = 1, count + 1
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if do_fit(middle):
            fitting = middle
        else:
            too_many = middle
    return fitting


def most_tokens(text: str) -> int:
    """An upper bound for the number of tokens of a text; at most twice the true number."""
    return sum(_most(piece) for piece in _PIECE.findall(text))


def _most(piece: str) -> int:
    if piece.isdecimal() and piece.isascii():
        return 1
    word = piece.lstrip(" _") if piece[-1].isalnum() else piece
    if word in ONE_TOKEN:
        return 1
    if word in TWO_TOKENS:
        return 2
    if not (word.isascii() and word.isalpha()):
        return len(piece.encode())
    # Three lower-case letters are at most two tokens if no rare pair is among them.
    small = word[1:] if word[0].isupper() else piece
    if not small.islower() or _RARE_PAIR.search(small):
        return len(piece)
    return len(piece) - len(small) + (2 * len(small) + 2) // 3
