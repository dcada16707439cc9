"""The catalog mirror: what may be sold, kept in memory for a day and read ahead in the background.

Names come first (list pages of 50), so a search can answer early; details of a base (venue, texts,
options, products) follow in the background, and at once for a base that is asked about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream

from korus_mcp.api import ApiError, NotFound, Ticketing
from korus_mcp.api.models.catalog import Product, ProductBase, ProductBaseOptionValue, Venue
from korus_mcp.catalog.records import (
    OPTION_CODES,
    BaseName,
    BaseRecord,
    CatalogRecord,
    Choice,
    Place,
    ProductRecord,
)
from korus_mcp.clock import Clock
from korus_mcp.flights import Flights, kept_apart
from korus_mcp.handles import Handle, aliases_of, id_at_end, is_id
from korus_mcp.refusals import Code, Refusal
from korus_mcp.untrusted import clean_line, plain_text

KEPT_SECONDS: Final = 24 * 3600
"""Catalog data may be kept for 24 hours (domain guide, section 3)."""
CRAWLERS: Final = 8
GRACE_SECONDS: Final = 2.0
NAME_LIMIT: Final = 160


@dataclass
class Shelf:
    """All that is known in one language."""

    read_at: float
    catalogs: Mapping[str, CatalogRecord]
    names: dict[Handle, BaseName]
    records: dict[Handle, BaseRecord] = field(default_factory=dict)
    crawled: anyio.Event = field(default_factory=anyio.Event)

    @property
    def is_complete(self) -> bool:
        """Whether the details of every base were read."""
        return self.crawled.is_set()


class Mirror:
    """The catalog of one account. Tasks it starts belong to the given group."""

    def __init__(
        self,
        ticketing: Ticketing,
        *,
        clock: Clock,
        tasks: TaskGroup,
        allowed: tuple[str, ...] | None = None,
    ) -> None:
        self._ticketing = ticketing
        self._clock = clock
        self._tasks = tasks
        self._allowed = allowed
        self._flights = Flights(tasks)
        self._shelves: dict[str, Shelf] = {}

    async def shelf(self, language: str) -> Shelf:
        """What is known in a language, read now when it is older than a day.

        Raises:
            ApiError: the catalogs cannot be read and nothing older is there.
        """
        shelf = self._shelves.get(language)
        if shelf is not None and self._clock.monotonic() - shelf.read_at < KEPT_SECONDS:
            return shelf
        try:
            return await self._flights.join(("shelf", language), lambda: self._stock(language))
        except ApiError:
            if shelf is None:
                raise
            return shelf

    async def searchable(self, language: str) -> Shelf:
        """The shelf, after a short wait for the details that are still being read."""
        shelf = await self.shelf(language)
        with anyio.move_on_after(GRACE_SECONDS):
            await shelf.crawled.wait()
        return shelf

    async def catalogs(self, language: str) -> tuple[CatalogRecord, ...]:
        """The catalogs that may be sold, by alias."""
        return tuple((await self.shelf(language)).catalogs.values())

    async def catalog(self, alias: str, language: str) -> CatalogRecord:
        """The catalog behind an alias; the list is read anew once when the alias is unknown.

        Raises:
            Refusal: UNKNOWN_ID when no catalog has this alias.
        """
        shelf = await self.shelf(language)
        if alias not in shelf.catalogs:
            known = shelf
            shelf = await self._flights.join(
                ("again", language), lambda: self._look_again(known, language)
            )
        found = shelf.catalogs.get(alias)
        if found is None:
            raise Refusal(
                Code.UNKNOWN_ID,
                "No catalog on sale here has ids like this one.",
                "Call search_products and use an id from its answer.",
            )
        return found

    async def base(self, handle: Handle, language: str) -> BaseRecord:
        """A product base with its options and products, read now unless it is kept.

        Raises:
            Refusal: UNKNOWN_ID, or NOT_FOUND when the base is gone.
            ApiError: it cannot be read.
        """
        catalog = await self.catalog(handle.alias, language)
        shelf = await self.shelf(language)
        return await self._base_on(shelf, catalog, handle, language)

    async def product_name(self, catalog_id: str, product_id: str, language: str) -> str | None:
        """How a product is called, with its base: "Base - product"; None when it is gone."""
        shelf = await self.shelf(language)
        for record in shelf.records.values():
            if record.catalog.id == catalog_id and product_id in record.products:
                return full_name(record.name, record.products[product_id].name)
        try:
            product = await self._ticketing.get_product(catalog_id, product_id, language=language)
        except NotFound:
            return None
        return await self._name_with_base(shelf, catalog_id, product, language)

    async def base_with_terms(
        self, catalog_id: str, product_id: str, language: str
    ) -> Handle | None:
        """The base of a product, when it has terms of sale to read."""
        for record in (await self.shelf(language)).records.values():
            if record.catalog.id == catalog_id and product_id in record.products:
                return record.handle if record.terms else None
        return None

    async def catalog_id(self, alias: str, language: str) -> str:
        """The id of the catalog behind an alias.

        Raises:
            Refusal: UNKNOWN_ID.
        """
        return (await self.catalog(alias, language)).id

    async def max_per_order(self, base: Handle, language: str) -> int | None:
        """How many offers of a base one order may hold (T11); None when nothing is known of it."""
        try:
            return (await self.base(base, language)).max_per_order
        except (ApiError, Refusal):
            return None

    async def _name_with_base(
        self, shelf: Shelf, catalog_id: str, product: Product, language: str
    ) -> str:
        """The same name as once its base is kept: what a person agrees to must not change."""
        name, base_id = _name(product.name), id_at_end(product.product_base)
        catalog = next((c for c in shelf.catalogs.values() if c.id == catalog_id), None)
        if catalog is None or base_id is None:
            return name
        try:
            base = await self._base_on(shelf, catalog, Handle(catalog.alias, base_id), language)
        except (ApiError, Refusal):
            return name
        return full_name(base.name, name)

    async def _look_again(self, shelf: Shelf, language: str) -> Shelf:
        """The same shelf, or a new one where the list of catalogs has changed."""
        catalogs = await self._read_catalogs(language)
        if catalogs.keys() == shelf.catalogs.keys():
            return shelf
        return await self._fill(catalogs, language)

    async def _stock(self, language: str) -> Shelf:
        return await self._fill(await self._read_catalogs(language), language)

    async def _fill(self, catalogs: Mapping[str, CatalogRecord], language: str) -> Shelf:
        names: dict[Handle, BaseName] = {}
        for catalog in catalogs.values():
            async for base in self._ticketing.list_product_bases(catalog.id, language=language):
                if base.disabled or not is_id(base.id):
                    continue
                handle = Handle(catalog.alias, base.id)
                names[handle] = BaseName(handle, catalog, _name(base.name))
        shelf = Shelf(self._clock.monotonic(), catalogs, names)
        self._shelves[language] = shelf
        self._tasks.start_soon(kept_apart, partial(self._crawl, shelf, language))
        return shelf

    async def _read_catalogs(self, language: str) -> dict[str, CatalogRecord]:
        found = await self._ticketing.list_catalogs(language=language).all()
        names = {c.id: _name(c.name) for c in found if is_id(c.id)}
        return {
            alias: CatalogRecord(id=catalog_id, alias=alias, name=names[catalog_id])
            for alias, catalog_id in aliases_of(names).items()
            if self._allowed is None or alias in self._allowed
        }

    async def _crawl(self, shelf: Shelf, language: str) -> None:
        send, receive = anyio.create_memory_object_stream[BaseName](len(shelf.names))
        with send, receive:
            for name in shelf.names.values():
                send.send_nowait(name)
            send.close()
            async with anyio.create_task_group() as crawlers:
                for _ in range(CRAWLERS):
                    crawlers.start_soon(self._crawl_some, receive.clone(), shelf, language)
        shelf.crawled.set()

    async def _crawl_some(
        self,
        names: MemoryObjectReceiveStream[BaseName],
        shelf: Shelf,
        language: str,
    ) -> None:
        with names:
            async for name in names:
                try:
                    await self._base_on(shelf, name.catalog, name.handle, language)
                except (ApiError, Refusal):
                    continue  # the name stays searchable; the details are read when asked for

    async def _base_on(
        self, shelf: Shelf, catalog: CatalogRecord, handle: Handle, language: str
    ) -> BaseRecord:
        """The base as it is kept on a shelf; read once, whoever asks for it meanwhile."""
        kept = shelf.records.get(handle)
        if kept is not None:
            return kept
        return await self._flights.join(
            ("base", id(shelf), handle), lambda: self._read_base(shelf, catalog, handle, language)
        )

    async def _read_base(
        self, shelf: Shelf, catalog: CatalogRecord, handle: Handle, language: str
    ) -> BaseRecord:
        try:
            base = await self._ticketing.get_product_base(catalog.id, handle.id, language=language)
        except NotFound:
            shelf.names.pop(handle, None)
            raise Refusal(
                Code.NOT_FOUND,
                "This product base does not exist (any more).",
                "Call search_products again; ids change when an issuer re-imports its catalog.",
            ) from None
        choices = await self._read_choices(catalog.id, handle.id, language)
        products = self._ticketing.list_product_base_products(
            catalog.id, handle.id, language=language
        )
        record = _record(handle, catalog, base, choices, [p async for p in products])
        shelf.records[handle] = record
        return record

    async def _read_choices(
        self, catalog_id: str, base_id: str, language: str
    ) -> dict[str, tuple[Choice, ...]]:
        choices: dict[str, tuple[Choice, ...]] = {}
        for code in await self._option_codes(catalog_id, base_id, language):
            try:
                values = await self._ticketing.list_product_base_option_values(
                    catalog_id, base_id, code, language=language
                ).all()
            except NotFound:
                continue
            if values:
                choices[code] = _choices(code, values)
        return choices

    async def _option_codes(self, catalog_id: str, base_id: str, language: str) -> tuple[str, ...]:
        """The codes of a base's options; all four are tried where the list is not served (A02)."""
        try:
            options = await self._ticketing.list_product_base_options(
                catalog_id, base_id, language=language
            ).all()
        except NotFound:
            return OPTION_CODES
        return tuple(o.code for o in options if o.code in OPTION_CODES)


def full_name(base: str, product: str) -> str:
    """How a product is called among those of other bases."""
    return product if product.startswith(base) else f"{base} - {product}"


def _record(
    handle: Handle,
    catalog: CatalogRecord,
    base: ProductBase,
    choices: Mapping[str, tuple[Choice, ...]],
    products: Iterable[Product],
) -> BaseRecord:
    return BaseRecord(
        handle=handle,
        catalog=catalog,
        name=_name(base.name),
        kind=clean_line(base.universe, 40) if base.universe else None,
        place=_place(base.venue),
        timezone=base.timezone,
        has_sessions=base.use_session,
        seat_map_id=id_at_end(base.seat_map),
        max_per_order=base.max_amount_per_order,
        names_beneficiaries=base.beneficiary_info_may_be_required,
        description=_text(base.description),
        short_description=_text(base.short_description),
        terms=_text(base.terms_of_use),
        images=_images(base),
        choices=choices,
        products={p.id: _product(p) for p in products if not p.disabled and is_id(p.id)},
    )


def _place(venue: Venue | None) -> Place:
    if venue is None:
        return Place()
    lines = [venue.line1, venue.line2, venue.postal_code]
    return Place(
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
    return tuple(url for url in urls if url and url.startswith("https://"))[:5]


def _product(product: Product) -> ProductRecord:
    choices = {v.code: _name(v.name) for v in product.option_values or () if v.code}
    return ProductRecord(id=product.id, name=_name(product.name), choices=choices)


def _choices(code: str, values: Iterable[ProductBaseOptionValue]) -> tuple[Choice, ...]:
    ordered = sorted(values, key=lambda v: (v.position is None, v.position or 0))
    return tuple(Choice(id=v.id, code=code, name=_name(v.name)) for v in ordered)


def _text(html: str | None) -> str | None:
    return (plain_text(html) or None) if html else None


def _line(text: str | None) -> str | None:
    return (clean_line(text) or None) if text else None


def _name(text: str | None) -> str:
    return clean_line(text or "", NAME_LIMIT) or "(unnamed)"
