"""Offers as a test wants them listed, dressed as the sandbox's own, and what was asked of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from tests.booking.stage import Stage

TODAY = date(2026, 6, 1)
PAGE = 50
Json: TypeAlias = dict[str, Any]


class Listing:
    """As many offers as a test says, in its order and dressed as the sandbox's own.

    It knows no filter. What the sandbox has nothing to answer stays empty.
    """

    def __init__(self, offers: Sequence[Json], *, page: int = PAGE, is_counted: bool = True):
        self.offers = list(offers)
        self._page = page
        self._is_counted = is_counted
        self._dress: Json = {}

    def __call__(self, path: str, body: Json) -> None:
        if not path.endswith("/offers") or not body["totalItems"]:
            return
        self._dress = self._dress or body["member"][0]
        start = (number_of(body["view"]["@id"]) - 1) * self._page
        shown = self.offers[start : start + self._page]
        body["member"] = [{**self._dress, **each} for each in shown]
        body["totalItems"] = len(self.offers)
        if not self._is_counted:
            del body["totalItems"]


def number_of(address: str) -> int:
    """The number of the page an address asks for."""
    return int(parse_qs(urlsplit(address).query)["page"][0])


def numbers(stage: Stage) -> list[int]:
    """The pages of offers that were asked for, in order."""
    return [number_of(f"?{r.query}") for r in stage.sandbox.requests if r.operation == "listOffers"]


def queries(stage: Stage) -> list[dict[str, list[str]]]:
    """What was asked of offers, in order."""
    return [parse_qs(r.query) for r in stage.sandbox.requests if r.operation == "listOffers"]


def offer(number: int, day: int | None, **more: Any) -> Json:
    """An offer with an id that tells its number, so many days from now."""
    when = None if day is None else (TODAY + timedelta(days=day)).isoformat()
    return {"id": f"offer-{number}", "date": when, **more}


def offers(count: int, per_day: int = 5) -> list[Json]:
    """So many offers in order of days, so many a day."""
    return [offer(number, number // per_day) for number in range(count)]
