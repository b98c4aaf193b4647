"""What is counted and measured, in Prometheus' form. docs/observability.md lists the names; a test holds it, and
the dashboard in deploy/, to this module.

Nothing here names a shop, a client or a person: whoever may read figures may not read who is behind them.
"""

import os
from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where it is set before this is imported, values are kept in files there, and several processes are one."""
MEDIA_TYPE = CONTENT_TYPE_LATEST

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LONG_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)

disable_created_metrics()  # type: ignore[no-untyped-call]
_registry = CollectorRegistry()

_requests = Counter("account_credit_requests", "Requests answered.", ("method", "route", "status"), registry=_registry)
_request_seconds = Histogram(
    "account_credit_request_seconds",
    "From a request's head to the end of its answer.",
    ("method", "route"),
    buckets=_SECONDS,
    registry=_registry,
)
_refusals = Counter(
    "account_credit_refusals", "Requests that were not done, by the code of the answer.", ("code",), registry=_registry
)
_entries = Counter("account_credit_entries", "Ledger entries committed.", ("kind",), registry=_registry)
_deliveries = Counter(
    "account_credit_deliveries", "Attempts to deliver a notice.", ("channel", "outcome"), registry=_registry
)
_delivery_seconds = Histogram(
    "account_credit_delivery_seconds",
    "What an attempt to deliver took.",
    ("channel",),
    buckets=_LONG_SECONDS,
    registry=_registry,
)
_connections = Gauge(
    "account_credit_pool_connections",
    "Connections to the database: open, in use, and the most that there may be.",
    ("state",),
    multiprocess_mode="livesum",
    registry=_registry,
)
_outbox_waiting = Gauge(
    "account_credit_outbox_waiting",
    "What is due and not taken in hand: notices to be routed, lanes to be delivered.",
    ("stage",),
    multiprocess_mode="livemax",
    registry=_registry,
)
_outbox_lag = Gauge(
    "account_credit_outbox_lag_seconds",
    "For how long the oldest of them has been due.",
    ("stage",),
    multiprocess_mode="livemax",
    registry=_registry,
)
_verify_age = Gauge(
    "account_credit_verify_age_seconds",
    "How long ago the shop was verified that was verified the longest ago.",
    multiprocess_mode="livemax",
    registry=_registry,
)
_verify_shops = Gauge(
    "account_credit_verify_shops",
    "Shops that were never verified, and shops whose last verification found something.",
    ("state",),
    multiprocess_mode="livemax",
    registry=_registry,
)
_sampled_at = Gauge(
    "account_credit_sampled_timestamp_seconds",
    "When the figures of the outbox, and those of verifying, were last looked up: they stay as they are in between.",
    ("what",),
    multiprocess_mode="livemax",
    registry=_registry,
)


def answered(*, method: str, route: str | None, status: int | None, seconds: float) -> None:
    """A request was answered, or (status None) broke off. ``route`` is the template, None where there is none."""
    count, observe = _of_route(method if method in _METHODS else "other", route or "none", status or 0)
    count()
    observe(seconds)


@cache
def _of_route(method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    # Routes and statuses are as many as the program has: finding their series once saves most of the time.
    return (
        _requests.labels(method, route, str(status) if status else "none").inc,
        _request_seconds.labels(method, route).observe,
    )


def refused(code: str) -> None:
    _refusals.labels(code).inc()


def entries_committed(kinds: Iterable[str]) -> None:
    for kind in kinds:
        _entries.labels(kind).inc()


def delivered(*, channel: str, accepted: bool, seconds: float) -> None:
    _deliveries.labels(channel, "accepted" if accepted else "not_accepted").inc()
    _delivery_seconds.labels(channel).observe(seconds)


def pool(*, open_: int, in_use: int, most: int) -> None:
    _connections.labels("open").set(open_)
    _connections.labels("in_use").set(in_use)
    _connections.labels("most").set(most)


def outbox(*, stage: str, waiting: int, lag_seconds: float) -> None:
    _outbox_waiting.labels(stage).set(waiting)
    _outbox_lag.labels(stage).set(lag_seconds)


def verified(*, age_seconds: float, never: int, shops_with_findings: int) -> None:
    _verify_age.set(age_seconds)
    _verify_shops.labels("never").set(never)
    _verify_shops.labels("disagree").set(shops_with_findings)


def sampled(what: str) -> None:
    """The figures of the ``outbox``, or those of what was ``verified``, are as of now."""
    _sampled_at.labels(what).set_to_current_time()


def exposition() -> bytes:
    """All figures of this process, or of all that share a folder."""
    registry = _registry
    if MULTIPROCESS_FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def process_ended(process_id: int) -> None:
    """What is true of living processes only is not true of this one any more."""
    mark_process_dead(process_id)  # type: ignore[no-untyped-call]


def names() -> dict[str, str]:
    """Every name that can be asked for, with its type."""
    return {metric.name + ("_total" if metric.type == "counter" else ""): metric.type for metric in _registry.collect()}


if MULTIPROCESS_FOLDER not in os.environ:
    # They know of one process only.
    ProcessCollector(registry=_registry)
    PlatformCollector(registry=_registry)
    GCCollector(registry=_registry)
