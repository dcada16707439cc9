"""Ordinary calls over more languages than may be open read each catalog once."""

from collections import Counter

import pytest
from mcp_types import ResourceTemplateReference

from tests.booking.stage import CRAWL
from tests.fixtures.assistant import ERAS, Desk, desk, settings_of
from tests.resources.readings import services

pytestmark = pytest.mark.anyio
NINE = "fr,de,es,it,nl,pt,ja,ko,en"
TEMPLATE = ResourceTemplateReference(uri="korus://product-bases/{product_base_id}")


def crawled(desk: Desk) -> Counter[str]:
    """The requests so far that read the catalog."""
    asked = Counter(r.operation or "" for r in list(desk.sandbox.requests))
    return Counter({name: count for name, count in asked.items() if name in CRAWL})


@pytest.mark.parametrize("mode", ERAS)
async def test_calls_in_nine_languages_in_turn_read_no_catalog_again(mode: str) -> None:
    settings = settings_of(LANGUAGES=NINE)
    async with desk(settings, mode=mode, only=("park",), cache=None) as each:
        mirror = services(each).mirror
        for language in NINE.split(","):
            await each.call("search_products", query="", language=language)
            await mirror.sync(language)
        base = each.handle("park_base")
        before = crawled(each)
        for language in 2 * NINE.split(","):
            nothing = await each.call("search_products", query="qqqzzz0", language=language)
            assert (nothing["total"], nothing.get("note", "").count("still being read")) == (0, 0)
            await each.call("search_products", query="night", language=language)
            await each.call("get_offers", product_base_id=base, language=language)
            await each.client.complete(TEMPLATE, {"name": "product_base_id", "value": "ni"})
            await each.resource("korus://catalogs")
            await each.resource(f"korus://product-bases/{base}")
        assert crawled(each) == before
