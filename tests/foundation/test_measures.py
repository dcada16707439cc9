"""Metrics: closed sets of labels, and nothing kept where nobody listens."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from korus_mcp.foundation import measures
from korus_mcp.foundation.measures import (
    METRICS,
    OPERATIONS,
    ORDERS,
    OTHER,
    UPSTREAM,
    Metric,
    heard_by,
    measure,
)

Taken = tuple[str, float, dict[str, str]]


class Heard:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.spans: list[str] = []

    def take(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """Remember a measurement."""
        self.taken.append((metric.name, value, dict(labels)))

    @contextmanager
    def span(self, operation: str) -> Iterator[None]:
        """Remember a span."""
        self.spans.append(operation)
        yield


def test_a_label_that_is_none_of_its_set_becomes_other() -> None:
    with heard_by(heard := Heard()):
        measure(ORDERS, outcome="ordered")
        measure(ORDERS, outcome="Ada Lovelace")
    assert heard.taken == [
        ("korus.orders", 1.0, {"outcome": "ordered"}),
        ("korus.orders", 1.0, {"outcome": OTHER}),
    ]


def test_other_labels_than_those_of_a_metric_are_a_mistake() -> None:
    with (
        heard_by(Heard()),
        pytest.raises(ValueError, match=r"korus\.orders has the labels outcome"),
    ):
        measure(ORDERS, email="ada@example.org")


def test_nothing_is_told_to_who_listens_no_more() -> None:
    with heard_by(heard := Heard()):
        pass
    measure(ORDERS, outcome="ordered")
    assert heard.taken == []


@pytest.mark.parametrize(
    ("status", "label"), [(200, "2xx"), (404, "4xx"), (503, "5xx"), (700, OTHER)]
)
def test_a_request_to_the_api_is_measured_by_the_class_of_its_status(
    status: int, label: str
) -> None:
    with heard_by(heard := Heard()), measures.upstream("getOffer") as seen:
        seen.answered(status)
    ((name, seconds, labels),) = heard.taken
    assert name == UPSTREAM.name
    assert seconds >= 0
    assert labels == {"operation": "getOffer", "status": label}
    assert heard.spans == ["getOffer"]


def test_a_request_without_an_answer_failed() -> None:
    with (
        heard_by(heard := Heard()),
        pytest.raises(OSError, match="gone"),
        measures.upstream("getOffer"),
    ):
        raise OSError("gone")
    assert [labels["status"] for _, _, labels in heard.taken] == ["failed"]


def test_names_are_unique_and_only_two_labels_are_closed_elsewhere() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    open_labels = {
        (metric.name, label)
        for metric in METRICS
        for label, values in metric.labels.items()
        if not values
    }
    assert open_labels == {
        (OPERATIONS.name, "tool"),
        (UPSTREAM.name, "operation"),
    }
