"""Addresses and beginnings of values are measured before anything else is done with them."""

import pytest
from mcp import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp_types import INVALID_PARAMS, PromptReference, ResourceTemplateReference

from korus_mcp.foundation.folding import fold
from korus_mcp.resources import completions, offering
from korus_mcp.server import long_requests
from tests.fixtures.assistant import Desk
from tests.tools.samples import A_HANDLE

pytestmark = pytest.mark.anyio
MIB = 1 << 20
FILLERS = ("a", "/", "%41", "é", "9", "\u200b")


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else is to be let first here."""
    monkeypatch.setattr(long_requests, "PAUSE_SECONDS", 0)


async def templates(desk: Desk) -> list[UriTemplate]:
    listed = await desk.client.list_resource_templates()
    return [UriTemplate.parse(each.uri_template) for each in listed.resource_templates]


@pytest.mark.parametrize("filler", FILLERS)
async def test_a_part_of_an_address_that_is_too_long_is_refused_for_its_length(
    filler: str, shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    match = UriTemplate.match

    def noted(self: UriTemplate, uri: str) -> object:
        looked_at.append(uri)
        return match(self, uri)

    offered = await templates(shared)
    monkeypatch.setattr(UriTemplate, "match", noted)
    before, tried = shared.sent(), 0
    for template in offered:
        for name in template.variable_names:
            given = dict.fromkeys(template.variable_names, A_HANDLE)
            head, _, tail = template.expand(given | {name: "here"}).rpartition("here")
            with pytest.raises(MCPError) as refused:
                await shared.client.read_resource(head + filler * MIB + tail)
            assert refused.value.error.code == INVALID_PARAMS
            assert refused.value.error.message == offering.TOO_LONG
            assert "at most 2048 characters" in offering.TOO_LONG
            tried += 1
    assert tried > 10
    assert looked_at == []
    assert shared.sent() == before


async def test_what_was_typed_without_end_completes_nothing_and_is_not_looked_at(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def noted(text: str, limit: int = 200) -> str:
        looked_at.append(text)
        return text[:limit]

    refs: list[tuple[ResourceTemplateReference | PromptReference, str]] = [
        (ResourceTemplateReference(type="ref/resource", uri=template.template), name)
        for template in await templates(shared)
        for name in template.variable_names
    ]
    for prompt in (await shared.client.list_prompts()).prompts:
        of_prompt = PromptReference(type="ref/prompt", name=prompt.name)
        refs += [(of_prompt, argument.name) for argument in prompt.arguments or ()]
    monkeypatch.setattr(completions, "clean_line", noted)
    monkeypatch.setattr(completions, "fold", lambda text: fold(noted(text)))
    assert len(refs) > 20
    for ref, name in refs:
        for value, beside in (("a" * MIB, ""), ("\u0323\u0301" * MIB, ""), ("mus", "a" * MIB)):
            answer = await shared.client.complete(
                ref,
                {"name": name, "value": value},
                context_arguments={"product_base_id": beside} if beside else None,
            )
            assert answer.completion.values == []
            assert answer.completion.total == 0
    assert looked_at == []
