"""Identifiers that contain, scrambled, what they identify, so that nothing has to be stored."""

import hashlib
from collections.abc import Collection
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

Kind = IntEnum(
    "Kind",
    "CATALOG BASE OPTION VALUE PRODUCT OFFER TICKET SESSION SEAT_MAP ZONE SEATING_CATEGORY "
    "ORGANIZATION RESERVATION ORDER ORDER_ITEM ORDER_TICKET DOCUMENT NODE",
)
"""The kind of thing that an identifier is for; its number, counted from 1, is part of the text."""


class Offer(NamedTuple):
    """An offer: numbers of base, product and day; day 0 is undated."""

    base: int
    product: int
    day: int


class SessionKey(NamedTuple):
    """A session: a time slot of a ticket on a day, shared by all products of the base."""

    base: int
    day: int
    ticket: int
    slot: int


class Ref(NamedTuple):
    """The content of an identifier; fields that its kind does not use are 0."""

    kind: Kind
    base: int = 0
    product: int = 0
    day: int = 0
    ticket: int = 0
    slot: int = 0

    @property
    def offer(self) -> Offer:
        """The offer that it is, or belongs to."""
        return Offer(self.base, self.product, self.day)


# How many bits each field of a Ref has, so that all of them fit into the 62 a UUID leaves free
# beside its version and variant: a million bases, 4,096 products, 8,192 days, 8 tickets, 256 slots.
_WIDTHS = (5, 20, 12, 13, 3, 8)
_BITS = 62
_MASK = (1 << _BITS) - 1
_START_OF_2025_MILLISECONDS = 1_735_700_000_000
_SPREAD_MILLISECONDS = 25_000_000_000


class Ids:
    """Translates between references and UUID-like texts; the same seed gives the same texts."""

    def __init__(self, seed: int, *, malformed: Collection[Ref] = ()) -> None:
        # Odd factors can be inverted modulo a power of two, to decode an identifier again.
        digest = hashlib.sha512(f"korus sandbox {seed}".encode()).digest()
        self._first = int.from_bytes(digest[:8]) & _MASK | 1
        self._second = int.from_bytes(digest[8:16]) & _MASK | 1
        self._offset = int.from_bytes(digest[16:24]) & _MASK
        self._first_inverse = pow(self._first, -1, 1 << _BITS)
        self._second_inverse = pow(self._second, -1, 1 << _BITS)
        self._malformed = frozenset(malformed)
        self.text = lru_cache(maxsize=50_000)(self._text)

    def ref(self, text: str) -> Ref | None:
        """Decode an identifier; None if this sandbox cannot have made it."""
        digits = text.replace("-", "")[:32]
        try:
            ref = _unpacked(self._unscramble(int(digits, 16) & _MASK))
        except ValueError:
            return None
        # Any hexadecimal number decodes to something, so it is encoded again and compared.
        return ref if self.text(ref) == text else None

    def serial(self, kind: Kind, number: int) -> str:
        """The identifier of the n-th thing of a kind, for things made while the sandbox runs."""
        return self.text(Ref(kind, base=number & 0xFFFFF, product=number >> 20))

    def _text(self, ref: Ref) -> str:
        tail = self._scramble(_packed(ref))
        filler = (tail * 0x9E3779B97F4A7C15) & ((1 << 64) - 1)
        # One in four is a version 4 UUID, the others are version 7, as in published samples (T2).
        if filler & 3:
            head = _START_OF_2025_MILLISECONDS + (filler >> 8) % _SPREAD_MILLISECONDS
            version = 7
        else:
            head = (filler >> 4) & ((1 << 48) - 1)
            version = 4
        number = head << 80 | version << 76 | ((filler >> 52) & 0xFFF) << 64 | 2 << 62 | tail
        return str(UUID(int=number)) + ("7" if ref in self._malformed else "")

    def _scramble(self, payload: int) -> int:
        mixed = (payload * self._first + self._offset) & _MASK
        mixed ^= mixed >> 31
        mixed = (mixed * self._second) & _MASK
        return mixed ^ (mixed >> 31)

    def _unscramble(self, tail: int) -> int:
        mixed = tail ^ (tail >> 31)
        mixed = (mixed * self._second_inverse) & _MASK
        mixed ^= mixed >> 31
        return ((mixed - self._offset) * self._first_inverse) & _MASK


def _packed(ref: Ref) -> int:
    payload = 0
    for value, width in zip(ref, _WIDTHS, strict=True):
        if not 0 <= value < 1 << width:
            raise ValueError(f"{value} does not fit into {width} bits")
        payload = payload << width | value
    return payload


def _unpacked(payload: int) -> Ref:
    values: list[int] = []
    for width in reversed(_WIDTHS):
        values.append(payload & ((1 << width) - 1))
        payload >>= width
    if payload:
        raise ValueError("not an identifier of this world")
    slot, ticket, day, product, base, kind = values
    return Ref(Kind(kind), base, product, day, ticket, slot)
