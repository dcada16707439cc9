"""What a conversation costs, counted in o200k tokens, and what it may cost."""

from dataclasses import dataclass
from typing import Final

from tests.fixtures.assistant import Answer, compact
from tests.fixtures.tokens import counted
from tests.journeys.scene import World

MOST_CALLS: Final = 7
"""Of a simple booking with its tickets, the median."""
MOST_CALLS_TO_AN_ORDER: Final = 6
MOST_QUESTIONS: Final = 1
MOST_TOKENS: Final = 6_000
"""Of any simple booking."""
MEDIAN_TOKENS: Final = 1_680
"""Of the simple ones, the median."""
MOST_OF_A_REPLY: Final = 4_000
LEAST_RATIO: Final = 8.0
"""How many times fewer tokens we answer than the API did, the median."""


def size_of(answer: Answer) -> int:
    """The size of a reply: a host shows its text or its structure, so the larger counts."""
    structure = compact(answer.structure) if answer.structure else ""
    return max(counted(answer.text), counted(structure))


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one conversation cost. `upstream` is all that the API answered, the catalog included;
    `to_an_order` counts the calls up to the last order.
    """

    calls: int
    to_an_order: int
    questions: int
    replies: int
    largest: int
    upstream: int
    upstream_without_catalog: int

    @classmethod
    def of(cls, world: World) -> "Cost":
        """What was said in a world so far."""
        sizes = [size_of(answer) for _, answer in world.calls]
        return cls(
            calls=len(sizes),
            to_an_order=max(
                (n for n, (tool, _) in enumerate(world.calls, 1) if tool == "place_order"),
                default=0,
            ),
            questions=world.questions,
            replies=sum(sizes),
            largest=max(sizes),
            upstream=sum(map(counted, world.upstream.texts(with_catalog=True))),
            upstream_without_catalog=sum(map(counted, world.upstream.texts(with_catalog=False))),
        )

    @property
    def ratio(self) -> float:
        """How many times more the API answered than we did."""
        return self.upstream / self.replies

    @property
    def ratio_without_catalog(self) -> float:
        """The same with a catalog that was read before."""
        return self.upstream_without_catalog / self.replies
