"""All that the sandbox sells: issuers, catalogs, bases and offers, by number or identifier."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from korus_mcp.foundation.clock import Clock
from korus_mcp.sandbox.calendars import (
    LAST_DAY,
    UNDATED,
    coming,
    day_number,
    day_of,
    local_moment,
)
from korus_mcp.sandbox.generator import Generator
from korus_mcp.sandbox.ids import Ids, Kind, Offer, Ref
from korus_mcp.sandbox.issuers import issuers_of
from korus_mcp.sandbox.model import Base, Issuer, Product, Ticket
from korus_mcp.sandbox.texts import Text


@dataclass(frozen=True, kw_only=True)
class OfferFilter:
    """Filters of a catalog's offers; None is no filter.

    The first day is UNDATED only without any bound: a filter by day excludes undated offers.
    """

    base: int | None = None
    products: frozenset[tuple[int, int]] | None = None
    values: frozenset[tuple[int, int, int]] = frozenset()
    session: Ref | None = None
    first_day: int = UNDATED
    last_day: int = LAST_DAY


class World:
    """Everything that can be sold, without the state of bookings.

    Bases have numbers: first the declared ones of the issuers, then the generated ones. A generated
    base is made when it is needed; lists use methods that do not make it.
    """

    def __init__(
        self, *, seed: int, bases: int, clock: Clock, began_at: datetime | None = None
    ) -> None:
        """`began_at`: when it began, in another process perhaps; now, by default."""
        self._seed = seed
        self._clock = clock
        self.started_at = began_at or clock.now()
        # Fixed at the start: while the clock moves on, the match on day 5 comes nearer.
        self._origin = self.started_at.date()
        self._issuers = issuers_of(self._origin)
        self._fixed = tuple(chain.from_iterable(issuer.bases for issuer in self._issuers))
        # The catalog of each declared base.
        self._owners = tuple(rank for rank, each in enumerate(self._issuers) for _ in each.bases)
        self._generator = Generator(seed, bases, self._origin)
        malformed = [Ref(Kind.BASE, n) for n, base in enumerate(self._fixed) if base.malformed_id]
        self.ids = Ids(seed, malformed=malformed)
        self.catalog_count = len(self._issuers) + self._generator.catalogs
        # The present day is part of the key: tomorrow a base is on sale for other days.
        self._days = lru_cache(maxsize=8192)(self._days_on_sale)

    def now(self) -> datetime:
        """The present time, by the sandbox's clock."""
        return self._clock.now()

    def issuer(self, catalog: int) -> Issuer:
        """The issuer of a catalog."""
        if catalog < len(self._issuers):
            return self._issuers[catalog]
        return self._generator.issuer(catalog - len(self._issuers))

    def issuer_of(self, offer: Offer) -> Issuer:
        """The issuer of an offer."""
        return self.issuer(self.catalog_of(offer.base))

    def catalog_of(self, base: int) -> int:
        """The catalog a base belongs to."""
        if base < len(self._fixed):
            return self._owners[base]
        return len(self._issuers) + self._generator.catalog_of(base - len(self._fixed))

    def base(self, index: int) -> Base:
        """A base by number; IndexError when there is none."""
        if index < len(self._fixed):
            return self._fixed[index]
        # An identifier that was never issued may still decode to a number.
        if not self.has_base(index):
            raise IndexError(index)
        return self._generator.base(index - len(self._fixed))

    def has_base(self, index: int) -> bool:
        """Whether the number belongs to a base."""
        return index < len(self._fixed) + self._generator.bases

    def belongs(self, base: int, catalog: int) -> bool:
        """Whether a base exists and is sold in the catalog."""
        return self.has_base(base) and self.catalog_of(base) == catalog

    def name_and_disabled(self, index: int) -> tuple[Text, bool]:
        """The name of a base, and whether it is no longer on sale, without making the base."""
        if index < len(self._fixed):
            return self._fixed[index].name, self._fixed[index].disabled
        return self._generator.name(index - len(self._fixed)), False

    def has_braces(self, index: int) -> bool:
        """Whether a base is listed with an IRI that contains a literal placeholder (T3)."""
        return index < len(self._fixed) and self._fixed[index].braces_in_iri

    def bases_of(self, catalog: int, *, with_disabled: bool = False) -> Sequence[int]:
        """The bases of a catalog, in catalog order."""
        if catalog < len(self._issuers):
            own = [index for index, owner in enumerate(self._owners) if owner == catalog]
            return [index for index in own if with_disabled or not self._fixed[index].disabled]
        generated = self._generator.range_of(catalog - len(self._issuers))
        return range(len(self._fixed) + generated.start, len(self._fixed) + generated.stop)

    def fixed_base(self, key: str) -> int:
        """The number of a declared base."""
        return next(index for index, base in enumerate(self._fixed) if base.key == key)

    def product(self, offer: Offer) -> Product:
        """The product an offer sells."""
        return self.base(offer.base).products[offer.product]

    def days(self, base: int) -> tuple[int, ...]:
        """The days for which a base is on sale today."""
        return self._days(base, self.now().date())

    def on_sale(self, offer: Offer) -> bool:
        """Whether the offer exists today."""
        return (
            self.has_base(offer.base)
            and offer.product < self._product_count(offer.base)
            and offer.day in self.days(offer.base)
        )

    def list_price(self, offer: Offer) -> Decimal:
        """The price in lists."""
        base, product = self.base(offer.base), self.product(offer)
        day = day_of(offer.day)
        # Some bases cost more on Saturdays and Sundays, so that a calendar has two prices.
        dear = day is not None and day.weekday() >= 5
        return (product.price * (base.weekend_factor if dear else 1)).quantize(Decimal("0.01"))

    def noise(self, *parts: object) -> float:
        """A pseudo-random number from 0 to 1 that depends only on the seed and the parts.

        Unlike a random generator it has no state: the same parts give the same number in every
        process, and in any order of calls.
        """
        text = f"{self._seed}:{parts}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)

    def starts_at(self, offer: Offer, rank: int, slot: int) -> datetime:
        """When a session of an offer's ticket begins, with the local offset."""
        day, base = day_of(offer.day), self.base(offer.base)
        if day is None:
            raise ValueError("an undated offer has no session")
        return local_moment(day, base.tickets[rank].slots[slot].start, base.timezone)

    def offers(self, catalog: int, wanted: OfferFilter | None) -> "OfferBlocks":
        """The offers of a catalog that match a filter; `wanted` None matches nothing."""
        return OfferBlocks(list(self._blocks(catalog, wanted)) if wanted else [])

    def ticket_of(self, ref: Ref) -> Ticket | None:
        """The offer ticket of an identifier; None if its offer is not on sale."""
        if not self.on_sale(ref.offer):
            return None
        tickets = self.base(ref.base).tickets
        return tickets[ref.ticket] if ref.ticket < len(tickets) else None

    def _product_count(self, base: int) -> int:
        # Called for every base when offers are counted, so no base is made here.
        if base < len(self._fixed):
            return len(self._fixed[base].products)
        return self._generator.product_count(base - len(self._fixed))

    def _days_on_sale(self, index: int, today: date) -> tuple[int, ...]:
        if index < len(self._fixed):
            base = self._fixed[index]
            days = () if base.disabled else base.calendar.days(self._origin, today)
            return tuple(map(day_number, days))
        first, now = day_number(self._origin), day_number(today)
        offsets = self._generator.offsets(index - len(self._fixed))
        return tuple(sorted(coming(first + offset, now) for offset in offsets))

    def _blocks(self, catalog: int, wanted: OfferFilter) -> Iterator["_Block"]:
        for base in self._candidates(catalog, wanted):
            days = self._wanted_days(base, wanted)
            products = self._wanted_products(base, wanted)
            if days and products:
                yield _Block(base, days, products)

    def _candidates(self, catalog: int, wanted: OfferFilter) -> Sequence[int]:
        """The bases that can have matching offers; few for a narrow filter."""
        asked = {wanted.base} if wanted.base is not None else set()
        asked |= {wanted.session.base} if wanted.session else set()
        asked |= {base for base, _, _ in wanted.values}
        # An offer has one base, so filters that name two bases match nothing.
        if len(asked) > 1:
            return ()
        if not asked and wanted.products is not None:
            asked = {base for base, _ in wanted.products}
        if not asked:
            return self.bases_of(catalog)
        return [base for base in sorted(asked) if self.belongs(base, catalog)]

    def _wanted_days(self, base: int, wanted: OfferFilter) -> tuple[int, ...]:
        days = self.days(base)
        if wanted.session is not None:
            days = tuple(day for day in days if day == wanted.session.day)
        return tuple(day for day in days if wanted.first_day <= day <= wanted.last_day)

    def _wanted_products(self, base: int, wanted: OfferFilter) -> Sequence[int]:
        if wanted.products is None and not wanted.values:
            return range(self._product_count(base))
        return [
            rank
            for rank, product in enumerate(self.base(base).products)
            if (wanted.products is None or (base, rank) in wanted.products)
            and all(
                option < len(product.choices) and product.choices[option] == value
                for _, option, value in wanted.values
            )
        ]


class _Block(NamedTuple):
    """The matching offers of one base."""

    base: int
    days: tuple[int, ...]
    products: Sequence[int]


@dataclass(eq=False, slots=True)
class OfferBlocks:
    """A list of offers that are counted, and made only when a slice of them is taken."""

    blocks: list[_Block]

    def __len__(self) -> int:
        """The number of offers."""
        return sum(len(block.days) * len(block.products) for block in self.blocks)

    def __getitem__(self, part: slice) -> list[Offer]:
        """The offers of a slice, in order of base, day and product."""
        start, stop, _ = part.indices(len(self))
        found: list[Offer] = []
        for base, days, products in self.blocks:
            width = len(products)
            size = len(days) * width
            found += [
                Offer(base, products[rank % width], days[rank // width])
                for rank in range(max(start, 0), min(stop, size))
            ]
            start, stop = start - size, stop - size
            if stop <= 0:
                break
        return found

    def by_day(self, *, newest_first: bool) -> list[Offer]:
        """All offers, sorted by day; undated ones count as the earliest."""
        return sorted(self[:], key=lambda offer: offer.day, reverse=newest_first)
