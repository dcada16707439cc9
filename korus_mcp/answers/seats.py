"""Seats as answers show them: those that differ in the seat alone stand together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import WithJsonSchema

from korus_mcp.answers.views import IN_SHORT, Part
from korus_mcp.booking.hold import SEATING_PARTS, Seat

_SEAT: Final = SEATING_PARTS["seat"]


class SeatsView(Part):
    """Seats of one row, or places of one zone. `seats` are the numbers of those that have one."""

    zone: str | None = None
    row: str | None = None
    seats: list[str] = []
    entrance: str | None = None
    category: str | None = None
    also: str | None = None
    """What else the issuer states of each, such as a limited view."""
    places: int | None = None
    """How many these are, where not each has a number."""

    @property
    def count(self) -> int:
        """How many these are."""
        return len(self.seats) if self.places is None else self.places

    def first(self, most: int) -> "SeatsView":
        """The first so many of them."""
        if most >= self.count:
            return self
        places = None if self.places is None else most
        return self.model_copy(update={"seats": self.seats[:most], "places": places})

    def text(self) -> str:
        """A phrase as it is printed on a ticket: zone East, row B, seats 4, 5.

        Places without numbers are counted: 6 x zone South 107, entrance S3.
        """
        word = "seats" if len(self.seats) > 1 else "seat"
        parts = (
            f"zone {self.zone}" if self.zone else None,
            f"row {self.row}" if self.row else None,
            f"{word} {', '.join(self.seats)}" if self.seats else None,
            f"entrance {self.entrance}" if self.entrance else None,
            f"category {self.category}" if self.category else None,
            self.also,
        )
        told = ", ".join(part for part in parts if part)
        if self.places is None:
            return told
        return f"{self.places} x {told}" if told else f"{self.places} places"


SeatsInShort: TypeAlias = Annotated[list[SeatsView], IN_SHORT]
SeatInShort: TypeAlias = Annotated[SeatsView | None, WithJsonSchema({"type": "object"})]


def seats_of(seats: Iterable[Seat]) -> list[SeatsView]:
    """The seats, in the order in which the first of each group comes."""
    groups: dict[tuple[tuple[str, str], ...], list[str | None]] = {}
    for seat in seats:
        place = tuple(part for part in seat.parts if part[0] != _SEAT)
        number = next((said for name, said in seat.parts if name == _SEAT), None)
        groups.setdefault(place, []).append(number)
    return [_group(place, numbers) for place, numbers in groups.items()]


def counted(places: Iterable[str]) -> list[str]:
    """Places in words, each once: standing places of a zone are many of the same."""
    return [f"{n} x {each}" if n > 1 else each for each, n in Counter(places).items()]


def _group(place: tuple[tuple[str, str], ...], numbers: Sequence[str | None]) -> SeatsView:
    known = {name: said for name, said in place if name in SEATING_PARTS.values() and said}
    also = Seat(tuple(part for part in place if part[0] not in known))
    named = [number for number in numbers if number]
    is_counted = len(named) < len(numbers) and (len(numbers) > 1 or not place)
    return SeatsView(
        **known,
        seats=named,
        also=str(also) or None,
        places=len(numbers) if is_counted else None,
    )
