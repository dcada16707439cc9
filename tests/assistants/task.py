"""A task: what a person writes to a chat assistant, and what must have become of it in the end."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from korus_mcp.sandbox import OrderRecord, ReservationRecord, Sandbox

MORNING: Final = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
"""A Monday: in every room the same, so that the same is on sale."""
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Whoever writes, as the issuer is to know them."""

    firstname: str
    lastname: str
    email: str

    @property
    def named(self) -> Json:
        """The customer of their order."""
        return {"firstname": self.firstname, "lastname": self.lastname, "email": self.email}

    def is_customer_of(self, order: OrderRecord) -> bool:
        """Whether an order is in their name, however its letters are written."""
        return all(
            str(order.customer.get(name, "")).strip().casefold() == said.casefold()
            for name, said in self.named.items()
        )


@dataclass(frozen=True)
class Line:
    """So many of one product, by its name in English; `starts` are its sessions by local time."""

    quantity: int
    base: str
    product: str
    total: Decimal
    day: date | None = None
    starts: tuple[time, ...] = ()

    def __str__(self) -> str:
        when = [str(self.day)] * (self.day is not None) + [f"{t:%H:%M}" for t in self.starts]
        said = f"{self.quantity} x {self.product} of {self.base}"
        return ", ".join([said, *when, f"{self.total} EUR"])


@dataclass(frozen=True, kw_only=True)
class Called:
    """A call of a tool, and what a host shows a model of its answer."""

    tool: str
    arguments: Json
    shown: str
    structure: Json = field(default_factory=dict)
    refusal: str | None = None
    confirmation: str | None = None
    """What the answer asks a person to agree to."""
    has_sent_order: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question that was put to the person."""

    question: str


Event: TypeAlias = Called | Asked


@dataclass(frozen=True, kw_only=True)
class End:
    """What there is to be judged in the end: the sandbox, and how it came to that."""

    sandbox: Sandbox
    events: Sequence[Event] = ()
    downloads: Path
    last_words: str = ""

    @property
    def orders(self) -> Sequence[OrderRecord]:
        """Every order that was made, cancelled ones included."""
        return self.sandbox.orders()

    @property
    def lines(self) -> list[Line]:
        """What is ordered, a line for each order."""
        return [self.line_of(order) for order in self.orders if order.status == "confirmed"]

    @property
    def questions(self) -> list[str]:
        """What the person was asked."""
        return [event.question for event in self.events if isinstance(event, Asked)]

    def hold_of(self, order: OrderRecord) -> ReservationRecord:
        """The reservation that an order was made of."""
        (reservation_id,) = order.reservation_ids
        return next(each for each in self.sandbox.reservations() if each.id == reservation_id)

    def line_of(self, order: OrderRecord) -> Line:
        """What one order is for."""
        hold = self.hold_of(order)
        starts = tuple(moment.time() for moment in hold.starts_at)
        return Line(order.quantity, hold.base, hold.product, order.total, hold.date, starts)


Oracle: TypeAlias = Callable[[End], Iterator[str]]
"""Yields what is not as the person wanted it, in words; nothing where all is right."""


def _all_is_well(sandbox: Sandbox) -> None:
    """Nothing special is the matter with the world."""
    del sandbox


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a person wants.

    `opening` is what they write first, and `facts` what they say to whatever they are asked: a
    text by rules would answer beside the question. `afterwards` is what they write of themselves
    once an order was sent. `prepare` makes the world what the task needs; `mishap` happens when the
    order arrives, and is over with the call's answer. `least_calls` is what it can be done in.
    """

    name: str
    person: Person
    opening: str
    facts: tuple[str, ...]
    oracle: Oracle
    least_calls: int
    afterwards: str | None = None
    prepare: Callable[[Sandbox], None] = _all_is_well
    mishap: Callable[[Sandbox], None] | None = None
    most_questions: int | None = None

    @property
    def sheet(self) -> str:
        """What the person says when asked."""
        return "\n".join(("The person says:", *(f"- {fact}" for fact in self.facts)))


def problems(task: Task, end: End) -> list[str]:
    """What is wrong with the end of a task, in words; nothing where it is as it should be."""
    return [*_in_any_task(task, end), *task.oracle(end)]


def exactly(end: End, *wanted: Line) -> Iterator[str]:
    """Nothing but these lines is ordered, each once."""
    made, wished = Counter(end.lines), Counter(wanted)
    yield from (f"not ordered: {line}" for line in (wished - made).elements())
    yield from (f"ordered, and not wanted: {line}" for line in (made - wished).elements())


def only(*wanted: Line) -> Oracle:
    """The oracle of a task that is about these lines and nothing else."""
    return lambda end: exactly(end, *wanted)


def _in_any_task(task: Task, end: End) -> Iterator[str]:
    for order in end.orders:
        if order.status != "confirmed":
            yield f"{order.reference} is {order.status}"
        if not task.person.is_customer_of(order):
            yield f"{order.reference} is in another's name or address"
        if order.customer.get("optin"):
            yield f"{order.reference} agrees to advertising, which nobody did"
    yield from _without_a_yes(end.events)
    if task.most_questions is not None and len(end.questions) > task.most_questions:
        yield f"asked {len(end.questions)} times instead of {task.most_questions}"


def _without_a_yes(events: Sequence[Event]) -> Iterator[str]:
    """Orders that were sent, and nobody was asked after the summary of what they are for."""
    summary: str | None = None
    agreed: str | None = None
    for event in events:
        match event:
            case Asked():
                agreed = summary
            case Called(confirmation=str() as told):
                # Its code is another each time; the person agrees to the words before it.
                summary = told.rpartition(" - ")[0]
            case Called(has_sent_order=True):
                if agreed is None or agreed != summary:
                    yield "ordered without having asked the person after the summary"
                summary = agreed = None
