"""What booking needs of its neighbours, in its own words."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.unread import Unread


def surely_past(clock: "ApiClock") -> datetime:
    """What lies before this is over, however wrong the clock is: nothing is called over too early
    that could still be ordered or used.
    """
    return clock.now() - clock.doubt


def seconds_of(clock: "ApiClock") -> Callable[[], float]:
    """The clock as caches count by it."""
    return lambda: clock.now().timestamp()


class ApiClock(Protocol):
    """The API's clock: holds expire by it, not by ours."""

    def now(self) -> datetime:
        """The API's moment, aware, in UTC."""

    @property
    def is_known(self) -> bool:
        """Whether the API told the time, and did not contradict itself since."""

    @property
    def doubt(self) -> timedelta:
        """How far it may lag or lead while it is our own: nothing once the API told the time."""

    @property
    def skew_bound_seconds(self) -> float:
        """How far that may be wrong."""


class Catalog(Protocol):
    """Names and limits of what is on sale."""

    async def catalog_id(self, alias: str, language: str) -> str:
        """The catalog behind an alias; refuses an unknown one."""

    async def product_name(self, catalog_id: str, product_id: str, language: str) -> str | None:
        """How a product is called; None when it is gone."""

    async def terms_of_sale(
        self, catalog_id: str, product_id: str, language: str
    ) -> tuple[Handle, str] | None:
        """The base of a product and its terms, empty when it has none; None when it is not read."""

    async def max_per_order(self, base: Handle, language: str) -> int | Unread | None:
        """How many offers of a base one order may hold; None when no limit is stated (T11)."""

    async def zone(self, catalog_id: str, product_id: str, language: str) -> tzinfo | None:
        """The time zone of the venue of a product; None when nobody knows it."""
