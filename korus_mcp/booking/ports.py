"""What booking needs from outside: the API, its clock, the journal, names from the catalog."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from korus_mcp.api import Booking
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.unread import Unread
from korus_mcp.journal import Journal


def surely_past(clock: "ApiClock") -> datetime:
    """A moment that is certainly past, however wrong the clock is.

    Only what lies before it counts as over: nothing is that could still be ordered or used.
    """
    return clock.now() - clock.unknown_skew


def seconds_of(clock: "ApiClock") -> Callable[[], float]:
    """The clock as a function that answers seconds, the form in which caches take a timer."""
    return lambda: clock.now().timestamp()


class ApiClock(Protocol):
    """The API's clock: holds expire by it, not by ours."""

    def now(self) -> datetime:
        """The API's present moment, aware, in UTC; our own clock's until an answer has the time."""

    @property
    def is_known(self) -> bool:
        """Whether the API's answers told the time, and agree with each other."""

    @property
    def unknown_skew(self) -> timedelta:
        """How far `now()` may be off, early or late, while it is our own clock's: a day. Zero once
        the API told the time.
        """

    @property
    def skew_bound_seconds(self) -> float:
        """How many seconds `now()` may be off: about one once the API told the time, else 30."""


class Catalog(Protocol):
    """Names and limits of what is on sale."""

    async def catalog_id(self, alias: str, language: str) -> str:
        """The id of the catalog with this alias; an unknown alias is refused."""

    async def product_name(self, catalog_id: str, product_id: str, language: str) -> str | None:
        """The name of a product; None when the product is gone."""

    async def terms_of_sale(
        self, catalog_id: str, product_id: str, language: str
    ) -> tuple[Handle, str] | None:
        """The base of a product and its terms, "" where it has none; None when not readable."""

    async def age_limits(self, catalog_id: str, product_id: str, language: str) -> tuple[str, ...]:
        """What the issuer of a product says of ages, in its own sentences; none where it says
        nothing.
        """

    async def limits_of_sale(
        self, catalog_id: str, product_id: str, language: str
    ) -> tuple[int | None, bool] | None:
        """How many of a product's base one order may hold, None where no limit is stated, and
        whether its issuer may ask who uses each ticket; None when not readable.
        """

    async def max_per_order(self, base: Handle, language: str) -> int | Unread | None:
        """How many offers of a base one order may hold; None when no limit is stated (T11)."""

    async def zone(self, catalog_id: str, product_id: str, language: str) -> tzinfo | None:
        """The time zone of the venue of a product; None when nobody knows it."""

    async def kept_zone(self, catalog_id: str, product_id: str, language: str) -> tzinfo | None:
        """The same by what is known already: nothing is asked upstream."""

    async def venue(self, catalog_id: str, product_id: str, language: str) -> str | None:
        """The venue of a product with its address, on one line; None when nobody knows it."""


@dataclass(kw_only=True)
class Service:
    """A service that asks KorusTicket and the journal about bookings; times are the API's."""

    booking: Booking
    journal: Journal
    clock: ApiClock
