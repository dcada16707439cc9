"""Languages: a mirror only for those the operator listed or the API was seen to serve."""

import string
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from korus_mcp.api.config import Transport
from korus_mcp.catalog.languages import MOST_SEEN, MOST_TRIED, TRIED_SECONDS
from korus_mcp.catalog.mirror import MOST_OPEN, Mirror
from korus_mcp.sandbox import Answer
from tests.booking.stage import Stage, staged, until
from tests.catalog.files import files_open

pytestmark = pytest.mark.anyio
ODD = ["aaa", "aab", "xx", "tlh", "de", "zz-ZZ", "de-DE-1996"]


class Speaking(httpx.AsyncBaseTransport):
    """The sandbox with another word on the language of its answers."""

    def __init__(self, transport: Transport, said: Callable[[str], str | None]) -> None:
        self._transport = transport
        self._said = said

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        response.headers.pop("content-language", None)
        said = self._said(request.headers.get("accept-language", ""))
        if said is not None:
            response.headers["content-language"] = said
        return response


def speaking(said: Callable[[str], str | None]) -> Callable[[Transport], Transport]:
    return lambda transport: Speaking(transport, said)


def mirror_of(stage: Stage) -> Mirror:
    return stage.app.mirror


async def asked_in(stage: Stage, *tags: str) -> list[str]:
    """The language each answer comes in, when its catalog is used too."""
    spoken = []
    for tag in tags:
        spoken.append(await mirror_of(stage).languages.known(tag))
        await mirror_of(stage).ready(tag)
    return spoken


@pytest.mark.parametrize("tags", [("fr", "FR", "fr-FR", "fr_CA"), ("en", "EN-gb", "en-Latn-US")])
async def test_the_forms_of_a_language_share_one_mirror(
    stage: Stage, tags: tuple[str, ...]
) -> None:
    shelves = [await mirror_of(stage).ready(tag) for tag in tags]
    assert all(shelf is shelves[0] for shelf in shelves)
    assert await asked_in(stage, *tags) == [tags[0]] * len(tags)


async def test_languages_nobody_listed_cost_one_request_and_no_catalog(tmp_path: Path) -> None:
    async with staged(language="en", embedded=True) as stage:
        await asked_in(stage, "en")
        await until(lambda: stage.sent("getProductBase") > 0)
        listed = stage.sent("listCatalogs")
        bases = stage.sent("listProductBases")
        assert await asked_in(stage, *ODD, *ODD) == ["en"] * 2 * len(ODD)
        assert stage.sent("listCatalogs") == listed + len({o.split("-")[0] for o in ODD})
        assert stage.sent("listProductBases") == bases, "no further catalog"
        assert await asked_in(stage, "fr") == ["fr"], "the API was seen to serve it"
        assert stage.sent("listProductBases") == bases + 1


async def test_trying_languages_ends_for_the_day() -> None:
    async with staged(language="en") as stage:
        await asked_in(stage, "en")
        before = stage.sent("listCatalogs")
        names = [f"q{a}{b}" for a in string.ascii_lowercase for b in "abcde"]
        assert set(await asked_in(stage, *names)) == {"en"}
        assert stage.sent("listCatalogs") == before + MOST_TRIED
        stage.move(TRIED_SECONDS + 1)
        assert await asked_in(stage, "fr") == ["fr"]


async def test_an_api_that_echoes_every_language_is_believed_a_few_times() -> None:
    async with staged(language="en", through=speaking(lambda accepted: accepted)) as stage:
        names = [f"q{a}" for a in string.ascii_lowercase]
        spoken = await asked_in(stage, *names)
        assert len(set(spoken) - {"en"}) == MOST_SEEN


@pytest.mark.parametrize("said", [None, "", "x" * 100_000, "*, ;;", "fr\t,,"])
async def test_an_api_that_says_nothing_usable_serves_the_operators_languages(
    said: str | None,
) -> None:
    async with staged(language="en", through=speaking(lambda _: said)) as stage:
        assert await asked_in(stage, "de", "en") == ["en", "en"]


async def test_a_failed_try_is_answered_from_the_default_and_tried_again(stage: Stage) -> None:
    languages = mirror_of(stage).languages
    stage.sandbox.faults.add(Answer(status=500), "listCatalogs")
    assert await languages.known("de") == "fr"
    before = stage.sent("listCatalogs")
    assert await languages.known("de") == "fr"
    assert stage.sent("listCatalogs") == before + 1


async def test_the_least_used_of_many_languages_is_closed_and_never_one_in_use(
    tmp_path: Path,
) -> None:
    names = tuple(f"q{letter}" for letter in string.ascii_lowercase[: MOST_OPEN + 4])
    async with staged(languages=names, language="en") as stage:
        files = stage.app.mirror._files
        object.__setattr__(files, "folder", tmp_path)
        in_use = await mirror_of(stage).ready("en")
        for name in names:
            shelf = await mirror_of(stage).ready(name)
            await until(lambda shelf=shelf: not shelf.is_crawling)  # type: ignore[misc]
        assert in_use.store.catalogs(), "it was let go of, and serves whoever still reads in it"
        del in_use, shelf
        # A crawl that is over lets go of its file a moment later.
        await files_open(tmp_path, MOST_OPEN)
        assert (await mirror_of(stage).ready("en")).store.catalogs(), "opened anew"
