"""Catalogs, product bases, their options and products (documented: how-to/browse-a-catalog)."""

from korus_mcp.api.models import values
from korus_mcp.api.models.base import ApiModel, Embedded, Resource


class Catalog(Resource):
    """What one issuer sells through one channel."""

    name: str | None = None
    created_at: values.Moment = None
    last_synced_at: values.Moment = None


class Media(ApiModel):
    """One image; `position` is its rank in a gallery, ascending (A09)."""

    url: str | None = None
    position: int | None = None


class Medias(ApiModel):
    """The images of a product base (A09)."""

    logo: Media | None = None
    gallery: values.Many[Media] = ()


class Venue(ApiModel):
    """The place of an event. Latitude and longitude are decimal degrees written as text (T12)."""

    name: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None
    phone: str | None = None
    website: str | None = None
    latitude: str | None = None
    longitude: str | None = None

    @property
    def coordinates(self) -> tuple[float, float] | None:
        """Latitude and longitude in degrees; None when either is missing, empty or impossible."""
        # They are texts, and may be empty (T12).
        try:
            place = float(self.latitude or ""), float(self.longitude or "")
        except ValueError:
            return None
        return place if abs(place[0]) <= 90 and abs(place[1]) <= 180 else None


class ProductBase(Resource):
    """What people search for: a match, a show. In lists only id, name and disabled are set (T29).

    `description`, `short_description` and `terms_of_use` are HTML written by third parties.
    `max_amount_per_order` counts offers; it is not money (T11).
    """

    name: str | None = None
    disabled: values.Flag = None
    description: str | None = None
    short_description: str | None = None
    terms_of_use: str | None = None
    use_session: bool | None = None
    timezone: str | None = None
    recurring: bool | None = None
    beneficiary_info_may_be_required: bool | None = None
    instant_document_delivery: bool | None = None
    max_amount_per_order: values.Count = None
    universe: str | None = None
    venue: Venue | None = None
    medias: Medias | None = None
    seat_map: values.Link = None


class ProductBaseOption(Resource):
    """A dimension along which the products of a base differ, such as `price_type` (A02)."""

    code: str | None = None
    name: str | None = None


class ProductBaseOptionValue(Resource):
    """One choice of an option; `code` is the option's code, `position` the display order (A03)."""

    code: str | None = None
    name: str | None = None
    position: int | None = None


class ProductOptionValue(Embedded):
    """The reference from a product to an option value (A04)."""

    code: str | None = None
    name: str | None = None


class Product(Resource):
    """One buyable variant of a base; `description` is HTML written by third parties."""

    name: str | None = None
    description: str | None = None
    disabled: values.Flag = None
    product_base: values.Link = None
    option_values: values.Many[ProductOptionValue] = ()
