"""Filters of lists, as query parameters."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from korus_mcp.api import jsonld

Params: TypeAlias = tuple[tuple[str, str], ...]


def day_params(name: str, *bounds: date | None) -> Params:
    """The bounds of a day as query parameters, in this order: after, before, and both strictly."""
    kinds = ("after", "before", "strictly_after", "strictly_before")
    given = zip(kinds, bounds, strict=True)
    return tuple((f"{name}[{kind}]", day.isoformat()) for kind, day in given if day is not None)


@dataclass(frozen=True)
class OfferFilters:
    """Filters of the offers list. An offer must match all `option_value_ids` (A06).

    `after` and `before` include the day, the strict ones do not. An older server ignores
    `product_base_id` and `option_value_ids` without saying so: check the results again (T20).
    """

    date_after: date | None = None
    date_before: date | None = None
    date_strictly_after: date | None = None
    date_strictly_before: date | None = None
    product_ids: tuple[str, ...] = ()
    session_id: str | None = None
    product_base_id: str | None = None
    option_value_ids: tuple[str, ...] = ()
    order_by_date: Literal["asc", "desc"] | None = None

    def params(self) -> Params:
        """The query parameters; filters take ids, not IRIs (T19).

        Raises:
            InvalidId: An id cannot be one.
        """
        strict = (self.date_strictly_after, self.date_strictly_before)
        days = day_params("date", self.date_after, self.date_before, *strict)
        ids = (
            *(("product[]", each) for each in self.product_ids),
            ("session", self.session_id),
            ("productBaseId", self.product_base_id),
            *(("optionValuesContext[]", each) for each in self.option_value_ids),
        )
        order = (("order[date]", self.order_by_date),) if self.order_by_date else ()
        return (
            *days,
            # Checked here: with an IRI or a broken id the API finds nothing, as if sold out (T19).
            *((name, jsonld.segment(each)) for name, each in ids if each is not None),
            *order,
        )


EVERY_OFFER = OfferFilters()
