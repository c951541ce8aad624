"""Metrics of the calls to Cablecast. `operation` is a path without its ids: `GET shows/{id}`."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("archivist_cablecast_requests", "Requests to Cablecast, by outcome.", ["operation", "outcome"])
SECONDS = Histogram(
    "archivist_cablecast_request_duration_seconds",
    "Time until the end of a response.",
    ["operation"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
CIRCUIT_OPEN = Gauge(
    "archivist_cablecast_circuit_open", "1 while the circuit breaker is open: Cablecast kept failing."
)
