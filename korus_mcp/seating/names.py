"""The names of zones and categories of a seat map, the same in every view."""

from collections.abc import Mapping

from korus_mcp.api.models.seat_map import SeatMap, Zone
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.text import clean_line

NAME_LIMIT = 80


def zone_name(zone: Zone) -> str:
    """The cleaned name of a zone, never empty."""
    return clean_line(zone.name or "", NAME_LIMIT) or "(unnamed zone)"


class CategoryNames:
    """Names of the seating categories, by the IRI that a zone has.

    A category that links an option value has that value's name, since offers use it.
    `option_values` maps ids of option values to their names.
    """

    def __init__(self, seat_map: SeatMap, option_values: Mapping[str, str]) -> None:
        self.in_order: tuple[str, ...] = tuple(
            option_values.get(id_at_end(category.option_value) or "")
            or clean_line(category.name or "", NAME_LIMIT)
            for category in seat_map.seating_categories
        )
        # One thing may have two IRIs (T10): if the whole IRI finds no category, its last id does.
        # Of equal ids the first counts.
        self._by_iri: dict[str, str] = {}
        self._by_id: dict[str, str] = {}
        for category, name in zip(seat_map.seating_categories, self.in_order, strict=True):
            self._by_iri.setdefault(category.at_id or "", name)
            for known_as in (category.id, id_at_end(category.at_id)):
                self._by_id.setdefault(known_as or "", name)

    def of(self, zone: Zone) -> str | None:
        """The name of a zone's category; None if it has no category, or one without a name."""
        link = zone.seating_category
        if not link:
            return None
        return self._by_iri.get(link) or self._by_id.get(id_at_end(link) or "") or None
