"""What is measured of a server, each metric with its labels, and whom it is told to.

Nothing is kept here: without a listener a measurement is a function that returns. Labels come from
closed sets, so the number of series is bounded, and nothing that a caller wrote becomes one.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic
from types import MappingProxyType
from typing import Final, Protocol

OTHER: Final = "other"
"""In the place of a label's value that is none of its set."""


class Kind(StrEnum):
    """How values of a metric add up."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One metric. A label whose set is empty takes values of a set that only its caller knows."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    labels: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def closed(self, given: Mapping[str, str]) -> dict[str, str]:
        """The labels of a measurement, each with a value of its set.

        Raises:
            ValueError: others than the labels of this metric are given.
        """
        if given.keys() != self.labels.keys():
            raise ValueError(f"{self.name} has the labels {', '.join(self.labels) or 'none'}")
        return {
            name: value if not self.labels[name] or value in self.labels[name] else OTHER
            for name, value in given.items()
        }


METHODS: Final = frozenset(
    {
        "completion/complete",
        "initialize",
        "ping",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "server/discover",
        "tools/call",
        "tools/list",
    }
)
"""The methods of the protocol that are served."""
_ANY: Final[frozenset[str]] = frozenset()

OPERATIONS: Final = Metric(
    "mcp.server.operation.duration",
    Kind.HISTOGRAM,
    "Requests of the protocol, by method, tool and kind of error.",
    "s",
    {"method": METHODS, "tool": _ANY, "error": frozenset({"", "tool_error", "protocol", "crash"})},
)
UPSTREAM: Final = Metric(
    "korus.upstream.duration",
    Kind.HISTOGRAM,
    "Requests to KorusTicket, by operation and class of status.",
    "s",
    {"operation": _ANY, "status": frozenset({"2xx", "3xx", "4xx", "5xx", "failed"})},
)
ORDERS: Final = Metric(
    "korus.orders",
    Kind.COUNTER,
    "Order calls that were sent, by what became of them.",
    labels={"outcome": frozenset({"ordered", "partially_ordered", "failed", "in_doubt"})},
)
LATE_ORDERS: Final = Metric(
    "korus.late_orders", Kind.COUNTER, "Orders at KorusTicket that the journal did not know."
)
IN_DOUBT: Final = Metric(
    "korus.in_doubt.count", Kind.GAUGE, "Order calls in the journal whose outcome is not known."
)
IN_DOUBT_AGE: Final = Metric(
    "korus.in_doubt.age",
    Kind.GAUGE,
    "For how long this server has seen an order call in doubt without a break.",
    "s",
)
LOOKED_AT: Final = Metric(
    "korus.reconcile.time", Kind.GAUGE, "When orders in doubt were last looked up.", "s"
)
ENDING: Final = Metric(
    "korus.holds.expiring",
    Kind.GAUGE,
    "Reservations that are held, not ordered, and end within two minutes.",
)
CACHE: Final = Metric(
    "korus.cache.hits",
    Kind.COUNTER,
    "What was asked of what is kept for a minute or a day, by whether it was there.",
    labels={"cache": frozenset({"prices", "offers"}), "hit": frozenset({"yes", "no"})},
)
TOKENS: Final = Metric(
    "korus.token.refreshes",
    Kind.COUNTER,
    "Tokens asked of KorusTicket's sign-in, by outcome.",
    labels={"outcome": frozenset({"ok", "failed"})},
)
SHED: Final = Metric(
    "korus.shed",
    Kind.COUNTER,
    "What was refused since there was too much: calls and writes of a caller, and requests that "
    "found no place among those to KorusTicket.",
    labels={
        "lane": frozenset({"calls", "writes", "reads", "bookings", "documents", "tokens"}),
    },
)
BREAKER: Final = Metric(
    "korus.breaker.state",
    Kind.GAUGE,
    "1 while hosts that did not answer are left alone, or asked by one request only; else 0.",
    labels={"host": frozenset({"api", "documents"})},
)
METRICS: Final = (
    OPERATIONS,
    UPSTREAM,
    ORDERS,
    LATE_ORDERS,
    IN_DOUBT,
    IN_DOUBT_AGE,
    LOOKED_AT,
    ENDING,
    CACHE,
    TOKENS,
    SHED,
    BREAKER,
)


class Listener(Protocol):
    """Takes measurements, and follows requests to KorusTicket as spans."""

    def take(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """Take one measurement."""

    def span(self, operation: str) -> AbstractContextManager[None]:
        """A span of a request to KorusTicket, while the block runs."""


_listeners: list[Listener] = []


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """All that is measured in this process while the block runs is told to this listener, too."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def is_heard() -> bool:
    """Whether somebody listens: what has to be asked for to be measured is not asked otherwise."""
    return bool(_listeners)


def measure(metric: Metric, value: float = 1.0, /, **labels: str) -> None:
    """Tell a measurement to whoever listens."""
    if _listeners:
        closed = metric.closed(labels)
        for listener in _listeners:
            listener.take(metric, value, closed)


@dataclass
class Seen:
    """A request to KorusTicket: the class of its status, once there is one."""

    status: str = "failed"

    def answered(self, status: int) -> None:
        """Note the status of the answer."""
        self.status = f"{status // 100}xx"


@contextmanager
def upstream(operation: str) -> Iterator[Seen]:
    """Measure a request to KorusTicket, which the block sends."""
    seen = Seen()
    if not _listeners:
        yield seen
        return
    began = monotonic()
    try:
        with _listeners[0].span(operation):
            yield seen
    finally:
        measure(UPSTREAM, monotonic() - began, operation=operation, status=seen.status)
