"""Makes a catalog record of a product base: fetches its parts and removes markup from texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from korus_mcp.api import Malformed, NotFound, Outcome
from korus_mcp.catalog.bases import (
    OPTION_CODES,
    BaseRecord,
    CatalogRecord,
    Choice,
    ProductRecord,
    VenueRecord,
)
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.ids import is_id
from korus_mcp.foundation.text import clean_line, plain_text

if TYPE_CHECKING:
    from korus_mcp.api import Product, ProductBase, Ticketing, Venue

NAME_LIMIT: Final = 160
PICTURES: Final = 5
LONG_TEXTS: Final = 20_000
"""Characters of HTML of a base: cleaning more takes milliseconds, so it is done in a thread.

So is cleaning the names of more than `MANY_PRODUCTS` products.
"""
MANY_PRODUCTS: Final = 200
MOST_PRODUCTS: Final = 5000
MOST_CHOICES: Final = 1000
_ADDRESS: Final = re.compile("https://[!-~]{1,500}")


async def read_record(
    ticketing: Ticketing, catalog: CatalogRecord, base_id: str, language: str
) -> BaseRecord:
    """Fetch a product base with its choices and products.

    Products name their option values (A04), so the choices follow from them; the options are
    fetched only if products name none. What cannot be parsed is counted.

    Raises:
        NotFound: the base is gone.
        ApiError: it cannot be fetched, or it has products and none of them can be parsed.
    """
    base = await ticketing.get_product_base(catalog.id, base_id, language=language)
    pages = ticketing.list_product_base_products(catalog.id, base_id, language=language)
    listed = await pages.all(MOST_PRODUCTS)
    # `all` stops at the bound: an endless list would fill the memory.
    if len(listed) > MOST_PRODUCTS:
        raise Malformed("listProductBaseProducts", Outcome.REFUSED, reason="a list without end")
    # `disabled` may be UNREAD, which is true: then the product is not sold either.
    products = [p for p in listed if not p.disabled and is_id(p.id)]
    odd = sum(not p.disabled and not is_id(p.id) for p in listed)
    unread = pages.unreadable + pages.missing + odd
    # It has products and none could be parsed: not the same as a base without products.
    if unread and len(listed) == odd:
        reason = "no product of a base can be read"
        raise Malformed("listProductBaseProducts", Outcome.REFUSED, reason=reason)
    choices, unread_choices = _choices_of(products), 0
    # A single product leaves nothing to choose.
    if not choices and len(products) + unread > 1:
        choices, unread_choices = await _read_choices(ticketing, catalog.id, base_id, language)
    handle = Handle(catalog.alias, base_id)
    read = partial(_record, handle, catalog, base, products, unread, choices, unread_choices)
    texts = (base.description, base.short_description, base.terms_of_use)
    long = sum(len(text or "") for text in texts) > LONG_TEXTS or len(products) > MANY_PRODUCTS
    return await to_thread.run_sync(read) if long else read()


def name_of(text: str | None) -> str:
    """A name for showing: one line, cleaned, never empty."""
    return clean_line(text or "", NAME_LIMIT) or "(unnamed)"


def _choices_of(products: Iterable[Product]) -> dict[str, tuple[Choice, ...]]:
    found: dict[str, dict[str, Choice]] = {}
    for product in products:
        for value in product.option_values or ():
            value_id = id_at_end(value.at_id)
            if value.code not in OPTION_CODES or value_id is None:
                continue
            known = found.setdefault(value.code, {})
            # Many products have the same value; the name at the first one is used.
            if value_id not in known:
                known[value_id] = Choice(id=value_id, code=value.code, name=name_of(value.name))
    return {code: tuple(found[code].values()) for code in OPTION_CODES if code in found}


async def _read_choices(
    ticketing: Ticketing, catalog_id: str, base_id: str, language: str
) -> tuple[dict[str, tuple[Choice, ...]], int]:
    """Fetch the choices of a base whose products do not name them, in the issuer's order, and count
    those that cannot be parsed.
    """
    unread = 0
    choices: dict[str, tuple[Choice, ...]] = {}
    for code in await _option_codes(ticketing, catalog_id, base_id, language):
        try:
            pages = ticketing.list_product_base_option_values(
                catalog_id, base_id, code, language=language
            )
            values = await pages.all(MOST_CHOICES)
        except NotFound:
            continue
        unread += pages.unreadable + pages.missing
        if values:
            values.sort(key=lambda v: (v.position is None, v.position or 0))
            choices[code] = tuple(Choice(id=v.id, code=code, name=name_of(v.name)) for v in values)
    return choices, unread


async def _option_codes(
    ticketing: Ticketing, catalog_id: str, base_id: str, language: str
) -> tuple[str, ...]:
    """The codes of a base's options; all four known codes if the list is not served (A02), or
    cannot be parsed completely.
    """
    pages = ticketing.list_product_base_options(catalog_id, base_id, language=language)
    try:
        options = await pages.all(MOST_CHOICES)
    except NotFound:
        return OPTION_CODES
    if pages.unreadable or pages.missing:
        return OPTION_CODES
    return tuple(o.code for o in options if o.code in OPTION_CODES)


def _record(
    handle: Handle,
    catalog: CatalogRecord,
    base: ProductBase,
    products: Iterable[Product],
    unread_products: int,
    choices: Mapping[str, tuple[Choice, ...]],
    unread_choices: int,
) -> BaseRecord:
    named = cache(name_of)  # many products have the same value, and cleaning is slow
    return BaseRecord(
        handle=handle,
        catalog=catalog,
        name=name_of(base.name),
        kind=clean_line(base.universe, 40) if base.universe else None,
        place=_place(base.venue),
        timezone=_line(base.timezone),
        has_sessions=base.use_session,
        seat_map_id=id_at_end(base.seat_map),
        max_per_order=base.max_amount_per_order,
        names_beneficiaries=base.beneficiary_info_may_be_required,
        description=_text(base.description),
        short_description=_text(base.short_description),
        terms=_text(base.terms_of_use),
        images=_images(base),
        choices=choices,
        products={p.id: _product(p, named) for p in products},
        unread_products=unread_products,
        unread_choices=unread_choices,
        is_disabled=bool(base.disabled),
    )


def _product(product: Product, named: Callable[[str | None], str]) -> ProductRecord:
    values = product.option_values or ()
    choices = {v.code: named(v.name) for v in values if v.code in OPTION_CODES}
    return ProductRecord(id=product.id, name=name_of(product.name), choices=choices)


def _place(venue: Venue | None) -> VenueRecord:
    if venue is None:
        return VenueRecord()
    lines = [venue.line1, venue.line2, venue.postal_code]
    return VenueRecord(
        name=_line(venue.name),
        address=_line(", ".join(part for part in lines if part)),
        city=_line(venue.city),
        country=_line(venue.country),
        website=_line(venue.website),
    )


def _images(base: ProductBase) -> tuple[str, ...]:
    if base.medias is None:
        return ()
    gallery = sorted(base.medias.gallery or (), key=lambda m: m.position or 0)
    urls = [base.medias.logo.url if base.medias.logo else None, *(m.url for m in gallery)]
    # Only https, without blanks or control characters: MCP hosts load these addresses.
    return tuple(url for url in urls if url and _ADDRESS.fullmatch(url))[:PICTURES]


def _text(html: str | None) -> str | None:
    return (plain_text(html) or None) if html else None


def _line(text: str | None) -> str | None:
    return (clean_line(text) or None) if text else None
