"""Traces, if the `tracing` extra is installed and an OTLP endpoint is set; otherwise nothing, at no cost.

One span a batch, linked to every message's own trace: a batch has many parents.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shared.plumbing.envelope import Envelope


class Tracing:
    """Makes spans for batches."""

    def __init__(self, service: str, endpoint: str | None) -> None:
        self._tracer: Any = None
        if endpoint:
            self._tracer = _tracer(service, endpoint)

    @contextmanager
    def batch(self, queue: str, envelopes: Sequence[Envelope]) -> Iterator[None]:
        """Trace the work on a batch."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(
            f"process {queue}",
            links=_links(envelopes),
            attributes={
                "messaging.system": "rabbitmq",
                "messaging.operation.name": "process",
                "messaging.destination.name": queue,
                "messaging.batch.message_count": len(envelopes),
            },
        ):
            yield


def _tracer(service: str, endpoint: str) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  an extra
    except ImportError as error:
        raise RuntimeError(
            "CASEWORK_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: install casework-shared[tracing]"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"casework-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return provider.get_tracer("casework")


def _links(envelopes: Sequence[Envelope]) -> list[Any]:
    from opentelemetry import trace  # noqa: PLC0415  an extra
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  an extra

    propagator = TraceContextTextMapPropagator()
    contexts = (
        trace.get_current_span(propagator.extract({"traceparent": envelope.traceparent})).get_span_context()
        for envelope in envelopes
        if envelope.traceparent
    )
    return [trace.Link(context) for context in contexts if context.is_valid]
