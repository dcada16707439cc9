"""Records of the local catalog: what is kept of the API's resources, with markup removed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from korus_mcp.catalog.ages import age_limits
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
    """Where the event takes place; every field may be unknown."""

    name: str | None = None
    address: str | None = None
    city: str | None = None
    country: str | None = None
    website: str | None = None


@dataclass(frozen=True, kw_only=True)
class BaseRecord:
    """A product base with all that is needed to choose and to show it. Texts are plain text.

    A disabled base is no longer sold. It is read only to name what was bought, and not stored.
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
    """How many products it has besides, which could not be parsed."""
    unread_choices: int = 0
    """How many values of its options could not be parsed."""
    is_disabled: bool = False

    @property
    def is_partly_unread(self) -> bool:
        """Whether some of its products or choices could not be parsed, and are missing here."""
        return self.unread_products > 0 or self.unread_choices > 0

    @property
    def age_limits(self) -> tuple[str, ...]:
        """What its issuer says of ages, in its own sentences."""
        return age_limits(self.short_description, self.description, self.terms)

    @property
    def at_most_per_order(self) -> int | None:
        """How many of its offers one order may hold; None where no limit is stated, or readable."""
        return self.max_per_order if isinstance(self.max_per_order, int) else None
