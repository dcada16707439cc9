"""Metrics for Prometheus and traces for a collector, by OpenTelemetry: korus-mcp[otel].

The SDK of the protocol makes a span of each request. Names of tools that do not exist, addresses
and texts of exceptions are in those, which callers and issuers wrote: so a span is exported with
what is listed here, and nothing else of it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import product
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Counter, Histogram, Meter
from opentelemetry.metrics import _Gauge as Gauge
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import SpanKind, Status
from prometheus_client import CollectorRegistry, start_http_server

from korus_mcp import __version__
from korus_mcp.foundation.measures import METHODS, METRICS, OTHER, Kind, Metric, heard_by
from korus_mcp.server.ports import why_not_listening
from korus_mcp.settings import NAME, Misconfigured, Settings

TRACES_PATH: Final = "/v1/traces"
KEPT: Final = frozenset({"mcp.protocol.version", "error.type", "rpc.response.status_code"})
"""Attributes of a span of the SDK in which there is no text of a caller."""
METHOD: Final = "mcp.method.name"
NAMED: Final = frozenset({"gen_ai.tool.name", "gen_ai.prompt.name"})
BOUNDS_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 75)
"""Where the buckets of times end: from an answer out of memory to the longest order request."""
SCOPE: Final = "korus_mcp"
"""The name under which our own spans and metrics go out."""


class Instruments:
    """Takes measurements as those of OpenTelemetry."""

    def __init__(self, meter: Meter, tracer: trace.Tracer) -> None:
        self._tracer = tracer
        self._made = {each.name: _instrument(meter, each) for each in METRICS}
        # An alert on an increase needs a series that begins at 0.
        for metric in METRICS:
            if metric.kind is Kind.COUNTER and all(metric.labels.values()):
                for values in product(*metric.labels.values()):
                    self.take(metric, 0, dict(zip(metric.labels, values, strict=True)))

    def take(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """Take one measurement."""
        match self._made[metric.name]:
            case Counter() as counter:
                counter.add(value, dict(labels))
            case Histogram() as histogram:
                histogram.record(value, dict(labels))
            case gauge:
                gauge.set(value, dict(labels))

    @contextmanager
    def span(self, operation: str) -> Iterator[None]:
        """A span of a request to KorusTicket, by the name of its operation."""
        with self._tracer.start_as_current_span(
            operation, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ):
            yield


def _instrument(meter: Meter, metric: Metric) -> Counter | Histogram | Gauge:
    make: Callable[..., Counter | Histogram | Gauge]
    match metric.kind:
        case Kind.COUNTER:
            make = meter.create_counter
        case Kind.GAUGE:
            make = meter.create_gauge
        case Kind.HISTOGRAM:
            make = partial(
                meter.create_histogram, explicit_bucket_boundaries_advisory=BOUNDS_SECONDS
            )
    return make(metric.name, unit=metric.unit, description=metric.meaning)


class OnlyOurWords(SpanExporter):
    """Exports spans without anything that a caller, an issuer or an exception wrote."""

    def __init__(self, exporter: SpanExporter, names: Collection[str]) -> None:
        self._exporter = exporter
        self._names = frozenset(names)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what is kept of these spans."""
        return self._exporter.export([self._kept(span) for span in spans])

    def shutdown(self) -> None:
        """End the exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits."""
        return self._exporter.force_flush(timeout_millis)

    def _kept(self, span: ReadableSpan) -> ReadableSpan:
        given = span.attributes or {}
        attributes = {name: given[name] for name in KEPT if name in given}
        name = span.name
        scope = span.instrumentation_scope
        if scope is None or scope.name != SCOPE:
            method = str(given.get(METHOD, ""))
            name = attributes[METHOD] = method if method in METHODS else OTHER
            named = {key: given[key] for key in NAMED if given.get(key) in self._names}
            attributes |= named
            name = " ".join((name, *(str(each) for each in named.values())))
        return ReadableSpan(
            name=name,
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=attributes,
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            # Without its description, which is the text of an exception.
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
        )


@contextmanager
def telling(
    settings: Settings, names: Collection[str], *, exporter: SpanExporter | None = None
) -> Iterator[CollectorRegistry]:
    """Measure and trace while the block runs, for whom the settings name. `names` are the tools and
    prompts there are. Serves the registry at the port of the settings, if there is one.

    Raises:
        Misconfigured: the port is taken.
    """
    resource = Resource({"service.name": NAME, "service.version": __version__})
    registry = CollectorRegistry()
    with ExitStack() as at_the_end:
        reader = PrometheusMetricReader(registry=registry, disable_target_info=True)
        meters = MeterProvider([reader], resource, shutdown_on_exit=False)
        at_the_end.callback(meters.shutdown)
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        at_the_end.callback(tracers.shutdown)
        exporter = exporter or _exporter(settings)
        if exporter is not None:
            tracers.add_span_processor(BatchSpanProcessor(OnlyOurWords(exporter, names)))
            trace.set_tracer_provider(tracers)
        instruments = Instruments(meters.get_meter(SCOPE), tracers.get_tracer(SCOPE))
        at_the_end.enter_context(heard_by(instruments))
        if settings.metrics_port:
            at_the_end.callback(_serve(settings, registry))
        yield registry


def _exporter(settings: Settings) -> SpanExporter | None:
    if settings.otlp_endpoint is None:
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=settings.otlp_endpoint.rstrip("/") + TRACES_PATH)


def _serve(settings: Settings, registry: CollectorRegistry) -> Callable[[], None]:
    try:
        server, thread = start_http_server(
            settings.metrics_port, settings.metrics_host, registry=registry
        )
    except OSError as error:
        host, port = settings.metrics_host, settings.metrics_port
        why = why_not_listening(error, host, port, chosen_with="KORUS_METRICS_PORT")
        raise Misconfigured(f"for metrics {why}") from None

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
