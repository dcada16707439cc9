"""docs/compare.md: its tables and pictures, from what was measured."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.compare import results
from benchmarks.compare.bookings import SIZES
from benchmarks.compare.faults import FAULTS
from benchmarks.compare.peers import BARE, KORUS, PEERS
from benchmarks.compare.plots import Group, bars

Json = dict[str, Any]
ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
PAGE: Final = ROOT / "docs" / "compare.md"
PICTURES: Final = ROOT / "docs" / "plots"
OTHERS: Final = tuple(peer for peer in PEERS if peer not in (KORUS, BARE))
"""The generated servers."""
SMALLEST, LARGEST = SIZES[0], SIZES[-1]


@dataclass(frozen=True)
class Figure:
    """A figure that each server has; less is better, unless it is said."""

    name: str
    of: Callable[[Json, str], float | None]
    digits: int = 0
    more_is_better: bool = False

    def row(self, found: Json) -> str:
        """Ours beside the best of the generated servers, and beside the floor."""
        ours, bare = self.of(found, KORUS.id), self.of(found, BARE.id)
        theirs = [(v, p) for p in OTHERS if (v := self.of(found, p.id)) is not None]
        if ours is None or not theirs:
            return f"| {self.name} | {self._told(ours)} | - | - | {self._told(bare)} |"
        pick = max if self.more_is_better else min
        best, peer = pick(theirs, key=lambda each: each[0])
        shown = f"{self._told(best)} ({peer.name})"
        cells = (self.name, self._told(ours), shown, self._ratio(ours, best), self._told(bare))
        return f"| {' | '.join(cells)} |"

    def _ratio(self, ours: float, best: float) -> str:
        over, under = (ours, best) if self.more_is_better else (best, ours)
        if over == under:
            return "even"
        ratio = over / under if under else float("inf")
        return f"{ratio:.1f} x" if ratio > 1 else f"**behind, {ratio:.2g} x**"

    def _told(self, value: float | None) -> str:
        return "-" if value is None else f"{value:,.{self.digits}f}"


def _listed(key: str) -> Callable[[Json, str], float | None]:
    def of(found: Json, peer: str) -> float | None:
        known = _booking(found, peer, SMALLEST)
        return None if known is None else float(known["list"][key])

    return of


def _booked(bases: int, key: str, which: str = "first") -> Callable[[Json, str], float | None]:
    def of(found: Json, peer: str) -> float | None:
        known = _booking(found, peer, bases)
        return None if known is None else float(known[which][key])

    return of


def _arrived(bases: int) -> Callable[[Json, str], float | None]:
    def of(found: Json, peer: str) -> float | None:
        known = _booking(found, peer, bases)
        return (
            None if known is None else float(known["first"]["requests"] + known["first"]["ahead"])
        )

    return of


def _timed(key: str) -> Callable[[Json, str], float | None]:
    def of(found: Json, peer: str) -> float | None:
        known = _servers(found, "timings").get(peer)
        return None if known is None else float(known[key])

    return of


def passed(found: Json, peer: str) -> float | None:
    """How many of the faults a server passes, once all were played."""
    known = _servers(found, "faults").get(peer, {})
    is_whole = all(fault.id in known for fault in FAULTS)
    return float(sum(each["passed"] for each in known.values())) if is_whole else None


SHORT: Final = (
    Figure("tokens of the list of tools, on the wire", _listed("whole")),
    Figure("the same as a model is shown it", _listed("shown")),
    *(Figure(f"tokens of a booking, {size:,} bases", _booked(size, "tokens")) for size in SIZES),
    *(Figure(f"calls of a booking, {size:,} bases", _booked(size, "calls")) for size in SIZES),
    Figure(f"faults survived, of {len(FAULTS)}", passed, more_is_better=True),
    Figure("start to the first answer, ms", _timed("answered")),
    Figure("start to the list of tools, ms", _timed("listed")),
    Figure("start to the offers of an event, ms", _timed("offers")),
    Figure("processor time of a call, ms", _timed("cpu_a_call"), digits=1),
    Figure("processor time of a booking, ms", _timed("cpu_a_booking")),
    Figure("memory after bookings, MB", _timed("megabytes")),
    *(
        Figure(f"requests of a booking, {size:,} bases", _booked(size, "requests"))
        for size in SIZES
    ),
    *(
        Figure(f"the same with the catalog read ahead, {size:,} bases", _arrived(size))
        for size in SIZES
    ),
)


def short_table(found: Json) -> str:
    """Ours beside the best of the others."""
    head = "| what | korus-mcp | best generated server | korus-mcp ahead by | bare SDK, by hand |"
    rows = [each.row(found) for each in SHORT if each.of(found, KORUS.id) is not None]
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def list_table(found: Json) -> str:
    """The list of tools of each."""
    rows = [
        f"| {peer.name} | {known['server']} | {tools['tools']} "
        f"| {tools['whole']:,} | {tools['shown']:,} |"
        for peer in PEERS
        if (known := _booking(found, peer.id, SMALLEST)) is not None
        for tools in (known["list"],)
    ]
    head = "| server | calls itself | tools | tokens on the wire | as a model is shown it |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def booking_table(found: Json) -> str:
    """Calls, tokens and requests of a booking in each size, first and later ones."""
    rows = []
    for peer in PEERS:
        known = [_booking(found, peer.id, size) for size in SIZES]
        for which in ("first", "second"):
            cells = [_cost(each, which) for each in known]
            rows.append(f"| {peer.name}, {which} booking | {' | '.join(cells)} |")
    head = "".join(f" {size:,} bases |" for size in SIZES)
    return "\n".join([f"| calls / tokens / requests |{head}", f"|---|{'---|' * len(SIZES)}", *rows])


def timing_table(found: Json) -> str:
    """Milliseconds and megabytes, each beside the floor's."""
    keys = ("answered", "listed", "offers", "cpu_a_call", "booking", "megabytes")
    known = _servers(found, "timings")
    bare = known.get(BARE.id, {})
    rows = []
    if not known:
        return "Not measured yet: `make compare ARGS=timings` does it."
    for peer in PEERS:
        if (own := known.get(peer.id)) is None:
            continue
        cells = [
            f"{own[key]:,.{1 if key == 'cpu_a_call' else 0}f} ({own[key] / bare[key]:.2f})"
            for key in keys
            if bare.get(key)
        ]
        rows.append(f"| {peer.name} | {' | '.join(cells)} |")
    head = (
        "| of the floor in brackets | first answer, ms | list of tools, ms | first offers, ms "
        "| processor a call, ms | a later booking, ms | memory, MB |"
    )
    return "\n".join([head, f"|---|{'---|' * len(keys)}", *rows])


def fault_table(found: Json) -> str:
    """What each made of the ten."""
    known = _servers(found, "faults")
    here = [peer for peer in PEERS if peer.id in known]
    rows = []
    for number, fault in enumerate(FAULTS, 1):
        cells = " | ".join(_verdict(known[peer.id].get(fault.id)) for peer in here)
        rows.append(f"| {number}. {fault.question} | {cells} |")
    sums = " | ".join(_sum(passed(found, peer.id)) for peer in here)
    head = " | ".join(peer.name for peer in here)
    missing = [peer.name for peer in PEERS if peer not in here]
    left = f"\n\nNot played yet with {', '.join(missing)}." if missing else ""
    table = [f"| | {head} |", f"|---|{'---|' * len(here)}", *rows, f"| passed | {sums} |"]
    return "\n".join(table) + left


def versions(found: Json) -> str:
    """Of what, on what, when."""
    pins = ", ".join(f"`{peer.package}`" for peer in OTHERS)
    lines = [f"Versions: {pins}, and the SDK that korus-mcp uses for the bare server."]
    for part in ("bookings", "timings", "faults"):
        if part in found:
            of = found[part]["of"]
            lines.append(
                f"- {part}: measured {of['day']} with korus-mcp {of['korus_mcp']} on {of['on']}"
            )
            lines += [
                f"  - {name} was skipped: {why}" for name, why in found[part]["skipped"].items()
            ]
    return "\n".join(lines)


BLOCKS: Final[Mapping[str, Callable[[Json], str]]] = {
    "short": short_table,
    "list": list_table,
    "bookings": booking_table,
    "timings": timing_table,
    "faults": fault_table,
    "versions": versions,
}


QUOTED: Final = (
    Figure("tokens of the list of tools", _listed("whole")),
    Figure("tokens of a booking, 50 events on sale", _booked(SMALLEST, "tokens")),
    Figure("the same, 10,000 events", _booked(LARGEST, "tokens")),
    Figure(f"faults survived, of {len(FAULTS)}", passed, more_is_better=True),
)
"""What README quotes."""


def quoted_table(found: Json) -> str:
    """README's table."""
    rows = [" | ".join(each.row(found).split(" | ")[:3]) + " |" for each in QUOTED]
    return "\n".join(
        ["| | korus-mcp | best server generated from the API |", "|---|---|---|", *rows]
    )


def page(found: Json) -> str:
    """docs/compare.md with its generated parts renewed."""
    return _renewed(PAGE, BLOCKS, found)


def readme(found: Json) -> str:
    """README.md with its table renewed."""
    return _renewed(README, {"compared": quoted_table}, found)


def _renewed(path: Path, blocks: Mapping[str, Callable[[Json], str]], found: Json) -> str:
    text = path.read_text("utf-8")
    for mark, made in blocks.items():
        block = re.compile(f"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", re.DOTALL)
        place = block.search(text)
        if place is None:
            raise ValueError(f"{path.name} has no place for {mark}")
        text = f"{text[: place.end(1)]}{made(found)}\n{text[place.start(2) :]}"
    return text


def pictures(found: Json) -> Mapping[str, str]:
    """The plots, by name of file."""
    made = {}
    if "bookings" in found:
        lists = [
            Group(peer.name, [("", value)], peer == KORUS)
            for peer in PEERS
            if (value := _listed("whole")(found, peer.id)) is not None
        ]
        costs = [
            Group(
                peer.name,
                [
                    (f"at {size:,} bases", value)
                    for size in SIZES
                    if (value := _booked(size, "tokens")(found, peer.id)) is not None
                ],
                peer == KORUS,
            )
            for peer in PEERS
        ]
        made["compare-list.svg"] = bars("Tokens of the list of tools", lists)
        made["compare-booking.svg"] = bars(
            "Tokens of a booking", [each for each in costs if each.bars]
        )
    if "faults" in found:
        counts = [
            Group(peer.name, [("", value)], peer == KORUS)
            for peer in PEERS
            if (value := passed(found, peer.id)) is not None
        ]
        made["compare-faults.svg"] = bars(f"Faults passed, of {len(FAULTS)}", counts)
    return made


def write() -> None:
    """The page, its pictures and README's table, from what is known."""
    found = results.known()
    PAGE.write_text(page(found), "utf-8")
    README.write_text(readme(found), "utf-8")
    for name, drawn in pictures(found).items():
        (PICTURES / name).write_text(drawn, "utf-8")


def told(found: Json) -> str:
    """The short table and the faults, for a terminal."""
    return f"{short_table(found)}\n\n{fault_table(found)}"


def all_booked(found: Json) -> bool:
    """Whether each server that is here came to its tickets in each size."""
    known = _servers(found, "bookings").values()
    return all("failed" not in size for sizes in known for size in sizes.values())


def _servers(found: Json, part: str) -> Json:
    servers: Json = found.get(part, {}).get("servers", {})
    return servers


def _booking(found: Json, peer: str, bases: int) -> Json | None:
    known: Json | None = _servers(found, "bookings").get(peer, {}).get(str(bases))
    return None if known is None or "failed" in known else known


def _cost(known: Json | None, which: str) -> str:
    if known is None:
        return "not booked"
    of: Json = known[which]
    ahead = f" + {of['ahead']:,}" if of["ahead"] else ""
    return f"{of['calls']} / {of['tokens']:,} / {of['requests']:,}{ahead}"


def _sum(count: float | None) -> str:
    return "not all played" if count is None else f"**{count:.0f} of {len(FAULTS)}**"


def _verdict(of: Mapping[str, Any] | None) -> str:
    if of is None:
        return "not played"
    said = str(of["seen"]).replace("|", "/").replace("<", "&lt;")
    return f"{'yes' if of['passed'] else '**no**'}: {said}"
