"""Records of the catalog: what is kept of the API's resources, cleaned of other people's markup."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.unread import Unread

OPTION_CODES = ("price_type", "seating_category", "zone", "days_count")
"""The four dimensions along which products of a base differ (docs/domain.md, "Words")."""


@dataclass(frozen=True)
class CatalogRecord:
    """What one issuer sells through one channel."""

    id: str
    alias: str
    name: str


@dataclass(frozen=True)
class BaseName:
    """A product base as a list page tells it."""

    handle: Handle
    name: str


@dataclass(frozen=True)
class Choice:
    """One value of an option, e.g. price_type = adult."""

    id: str
    code: str
    name: str


@dataclass(frozen=True)
class ProductRecord:
    """One variant of a base; `choices` are names by option code."""

    id: str
    name: str
    choices: Mapping[str, str]


@dataclass(frozen=True)
class VenueRecord:
    """Where it happens; every part may be unknown."""

    name: str | None = None
    address: str | None = None
    city: str | None = None
    country: str | None = None
    website: str | None = None


@dataclass(frozen=True, kw_only=True)
class BaseRecord:
    """A product base with all that is needed to choose and to show it. Texts are plain text.

    One that is disabled is sold no more; it names what was bought of it, and is not kept.
    """

    handle: Handle
    catalog: CatalogRecord
    name: str
    kind: str | None = None
    place: VenueRecord = field(default_factory=VenueRecord)
    timezone: str | None = None
    has_sessions: bool | None = None
    seat_map_id: str | None = None
    max_per_order: int | Unread | None = None
    names_beneficiaries: bool | None = None
    description: str | None = None
    short_description: str | None = None
    terms: str | None = None
    images: tuple[str, ...] = ()
    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    products: Mapping[str, ProductRecord] = field(default_factory=dict)
    unread_products: int = 0
    """How many more products it has, that cannot be read."""
    unread_choices: int = 0
    """How many values of its options cannot be read."""
    is_disabled: bool = False

    @property
    def is_partly_unread(self) -> bool:
        """Whether more is on sale, or can be chosen, than is known here."""
        return self.unread_products > 0 or self.unread_choices > 0
