import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from korus_mcp.catalog.bases import BaseRecord, CatalogRecord, Choice, ProductRecord, VenueRecord
from korus_mcp.catalog.packing import packed, unpacked
from korus_mcp.foundation.handles import Handle

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SOME = st.none() | TEXTS
IDS = st.text("abc019", min_size=1, max_size=4)
HANDLE = Handle("abcdef", "b1")
CATALOG = CatalogRecord("c1", "abcdef", "Hérons FC")


@st.composite
def choices(draw: st.DrawFn) -> dict[str, tuple[Choice, ...]]:
    codes = draw(st.lists(st.sampled_from(["price_type", "zone"]), unique=True))
    each = st.lists(st.tuples(IDS, TEXTS), min_size=1, max_size=3)
    return {code: tuple(Choice(i, code, name) for i, name in draw(each)) for code in codes}


@st.composite
def products(draw: st.DrawFn) -> dict[str, ProductRecord]:
    wished = st.dictionaries(st.sampled_from(["price_type", "zone"]), TEXTS)
    ids = draw(st.lists(IDS, unique=True, max_size=3))
    return {i: ProductRecord(i, draw(TEXTS), draw(wished)) for i in ids}


RECORDS = st.builds(
    BaseRecord,
    handle=st.just(HANDLE),
    catalog=st.just(CATALOG),
    name=TEXTS,
    kind=SOME,
    place=st.builds(VenueRecord, name=SOME, address=SOME, city=SOME, country=SOME, website=SOME),
    timezone=SOME,
    has_sessions=st.none() | st.booleans(),
    seat_map_id=st.none() | IDS,
    max_per_order=st.none() | st.integers(),
    names_beneficiaries=st.none() | st.booleans(),
    description=SOME,
    short_description=SOME,
    terms=SOME,
    images=st.lists(TEXTS, max_size=2).map(tuple),
    choices=choices(),
    products=products(),
)


@given(RECORDS)
def test_a_base_is_unpacked_as_it_was_packed(record: BaseRecord) -> None:
    assert unpacked(packed(record), HANDLE, CATALOG) == record


def test_every_part_of_a_base_is_tried_here() -> None:
    tried = {"handle", "catalog", "place", "choices", "products", "images"}
    tried |= {"is_disabled"}  # what is not on sale is not kept
    plain = {field.name for field in dataclasses.fields(BaseRecord)} - tried
    record = BaseRecord(
        handle=HANDLE,
        catalog=CATALOG,
        **dict.fromkeys(plain, "x"),  # type: ignore[arg-type]  # any text will do
    )
    assert unpacked(packed(record), HANDLE, CATALOG) == record
