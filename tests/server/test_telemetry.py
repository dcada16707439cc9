"""Metrics and traces as OpenTelemetry tells them: closed series, and only our words in spans."""

import random
import string
import sys
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import generate_latest

from korus_mcp.commands import cli
from korus_mcp.foundation.measures import IN_DOUBT, LATE_ORDERS, METRICS, ORDERS, Kind, measure
from korus_mcp.server import telemetry
from korus_mcp.server.telemetry import SCOPE, OnlyOurWords, telling
from korus_mcp.settings import Misconfigured, Settings
from tests.fixtures.hosts import free_port

NAMES = frozenset({"reserve", "book_tickets"})


def series(text: str) -> set[str]:
    return {
        line.rpartition(" ")[0]
        for line in text.splitlines()
        if not line.startswith("#") and "_bucket{" not in line and "_sum{" not in line
    }


def test_each_outcome_moves_its_series_and_counters_begin_at_0() -> None:
    with telling(Settings(), NAMES) as registry:
        before = generate_latest(registry).decode()
        assert "korus_orders_total{" in before
        assert all(line.endswith(" 0.0") for line in before.splitlines() if "_total{" in line)
        measure(ORDERS, outcome="in_doubt")
        measure(IN_DOUBT, 3)
        measure(LATE_ORDERS)
        after = generate_latest(registry).decode()
    moved = {line for line in after.splitlines() if not line.startswith("#")} - set(
        before.splitlines()
    )
    assert len(moved) == 3
    assert any('outcome="in_doubt"' in line and line.endswith(" 1.0") for line in moved)
    assert any(line.startswith("korus_in_doubt_count") and line.endswith(" 3.0") for line in moved)
    assert any(line.startswith("korus_late_orders_total") for line in moved)


def test_ten_thousand_measurements_with_any_labels_make_a_bounded_number_of_series() -> None:
    chance = random.Random(1)
    with telling(Settings(), NAMES) as registry:
        for _ in range(10_000):
            metric = chance.choice(METRICS)
            labels = {
                name: "".join(chance.choices(string.ascii_letters, k=8))
                if values
                else chance.choice(sorted(NAMES))
                for name, values in metric.labels.items()
            }
            measure(metric, chance.random(), **labels)
        found = series(generate_latest(registry).decode())
    assert len(METRICS) < len(found) < 100


def test_prometheus_reads_them_at_the_port_of_the_settings() -> None:
    settings = Settings(metrics_port=free_port())
    with telling(settings, NAMES):
        with urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics") as answer:
            assert b"korus_orders_total" in answer.read()
        taken = pytest.raises(Misconfigured, match=r"is taken by another .* KORUS_METRICS_PORT")
        with taken, telling(settings, NAMES):
            pass
    with telling(settings, NAMES):
        pass  # the port is free again


@pytest.fixture
def spans() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OnlyOurWords(kept, NAMES)))
    yield provider, kept
    provider.shutdown()


def only(kept: InMemorySpanExporter) -> ReadableSpan:
    (span,) = kept.get_finished_spans()
    return span


def test_a_span_of_the_sdk_keeps_what_is_listed_and_nothing_else(
    spans: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    provider, kept = spans
    attributes = {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "reserve",
        "jsonrpc.request.id": "canary",
        "anything": "canary",
        "error.type": "tool_error",
    }
    with provider.get_tracer("mcp").start_as_current_span("tools/call reserve") as span:
        span.set_attributes(attributes)
        span.record_exception(ValueError("canary"))
        span.set_status(StatusCode.ERROR, "canary")
    found = only(kept)
    assert found.name == "tools/call reserve"
    assert dict(found.attributes or {}) == {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "reserve",
        "error.type": "tool_error",
    }
    assert not found.events
    assert found.status.status_code is StatusCode.ERROR
    assert "canary" not in found.to_json()


def test_a_name_that_is_none_of_ours_is_in_no_span(
    spans: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    provider, kept = spans
    with provider.get_tracer("mcp").start_as_current_span("tools/call canary") as span:
        span.set_attributes({"mcp.method.name": "tools/call", "gen_ai.tool.name": "canary"})
    assert only(kept).name == "tools/call"
    kept.clear()
    with provider.get_tracer("mcp").start_as_current_span("canary") as span:
        span.set_attributes({"mcp.method.name": "canary"})
    assert only(kept).name == "other"
    assert "canary" not in only(kept).to_json()


def test_a_request_to_the_api_is_a_span_by_the_name_of_its_operation(
    spans: tuple[TracerProvider, InMemorySpanExporter],
) -> None:
    provider, kept = spans
    with provider.get_tracer(SCOPE).start_as_current_span("getOffer", kind=SpanKind.CLIENT):
        pass
    assert (only(kept).name, only(kept).kind) == ("getOffer", SpanKind.CLIENT)


def test_without_opentelemetry_the_settings_that_need_it_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "korus_mcp.server.telemetry", None)
    with pytest.raises(Misconfigured, match=r"install korus-mcp\[otel\]"):
        cli._telling(Settings(metrics_port=1), NAMES)
    with cli._telling(Settings(), NAMES):
        pass


def test_the_kinds_of_metrics_are_those_of_the_instruments() -> None:
    assert {metric.kind for metric in METRICS} == set(Kind)
    assert tuple(sorted(telemetry.BOUNDS_SECONDS)) == telemetry.BOUNDS_SECONDS
