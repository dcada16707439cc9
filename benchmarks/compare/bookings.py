"""What a booking costs: calls, tokens, requests; from nothing, and once more."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.buyers import Buyer, NotBooked
from benchmarks.compare.peers import Peer, buyer_of, started
from benchmarks.compare.wire import Call, Silent
from benchmarks.compare.world import World, world
from tests.fixtures.assistant import compact
from tests.fixtures.tokens import counted

Json = dict[str, Any]
SIZES: Final = (50, 1_000, 10_000)
"""Generated product bases in the sandbox."""
SHOWN: Final = ("name", "description", "inputSchema")
"""What hosts pass on of a tool to a model."""


@dataclass(frozen=True)
class Cost:
    """Of one booking. `requests` are those of the conversation; `ahead` those that arrived
    meanwhile since the catalog is read in the background, as korus-mcp does.
    """

    calls: int
    tokens: int
    requests: int
    ahead: int
    megabytes: float

    @classmethod
    def of(cls, calls: Sequence[Call], requests: int, ahead: int, megabytes: float) -> "Cost":
        """What these calls cost."""
        tokens = sum(each.tokens for each in calls)
        return cls(len(calls), tokens, requests, ahead, round(megabytes, 1))


def list_tokens(tools: Sequence[Json]) -> Mapping[str, int]:
    """Tokens of the list of tools: as it is on the wire, and what a model is usually shown."""
    shown = [{key: tool[key] for key in SHOWN if key in tool} for tool in tools]
    return {
        "tools": len(tools),
        "whole": counted(compact(list(tools))),
        "shown": counted(compact(shown)),
    }


def measured(peer: Peer, bases: int, cache: Path, home: Path) -> Json:
    """The list of tools, a first booking, and a second one by the same server; or why not."""
    with world(bases) as place:
        try:
            return _measured(peer, place, cache, home)
        except (NotBooked, Silent) as failed:
            return {"failed": str(failed)}


def _measured(peer: Peer, place: World, cache: Path, home: Path) -> Json:
    with started(peer, cache, home, place) as wire:
        server = wire.begin()["serverInfo"]
        tools = wire.tools()
        buyer = buyer_of(peer, wire, place, tools)
        first = _booked(buyer, reads_ahead=peer.is_ours)
        second = _booked(buyer.afresh(), reads_ahead=peer.is_ours)
        return {
            "server": f"{server['name']} {server['version']}",
            "list": list_tokens(tools),
            "first": asdict(first),
            "second": asdict(second),
        }


def _booked(buyer: Buyer, *, reads_ahead: bool) -> Cost:
    wire, seen = buyer.wire, buyer.world.seen
    told, asked, reads = len(wire.calls), seen.total, seen.reads
    buyer.book()
    arrived, ahead = seen.total - asked, (seen.reads - reads) * reads_ahead
    return Cost.of(wire.calls[told:], arrived - ahead, ahead, wire.megabytes)
