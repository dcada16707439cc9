"""The ceiling of replies: neither half of one costs a model more than 4,000 tokens (o200k).

Counting exactly takes a vocabulary of megabytes. A bound from above does: it is near for the ids,
prices and moments that long replies are made of, and wide for names.
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
"""What is one token, words also behind a blank or an underscore."""
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
"""Two letters that are two tokens; any others that follow each other are one."""


def fits(*halves: str) -> bool:
    """Whether each half of a reply stays under the ceiling."""
    # Cheapest first: a token is a byte at least, so few bytes are few tokens.
    return all(len(half.encode()) <= CEILING or most_tokens(half) <= CEILING for half in halves)


def most_that_fit(count: int, do_fit: Callable[[int], bool]) -> int:
    """The most of so many rows that fit; one where not even that does."""
    # Halving: each try renders the whole answer.
    fitting, too_many = 1, count + 1
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if do_fit(middle):
            fitting = middle
        else:
            too_many = middle
    return fitting


def most_tokens(text: str) -> int:
    """A bound from above for the tokens of a text; at most twice what they are."""
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
    # Three small letters are two tokens at most, where no rare pair is among them.
    small = word[1:] if word[0].isupper() else piece
    if not small.islower() or _RARE_PAIR.search(small):
        return len(piece)
    return len(piece) - len(small) + (2 * len(small) + 2) // 3
