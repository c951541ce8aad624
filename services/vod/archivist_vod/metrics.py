"""Metrics of the publisher."""

from prometheus_client import Counter, Gauge

ENDED = Counter("archivist_vod_attempts", "Publication attempts that ended, or are held for a user.", ["outcome"])
for _outcome in ("published", "held", "retried", "failed"):
    ENDED.labels(_outcome)  # there from the start at 0: a first failure is an increase
STOPPED = Gauge(
    "archivist_vod_target_stopped", "1 while a target is stopped because it rejected our credentials.", ["target"]
)
UNAVAILABLE = Gauge("archivist_vod_target_unavailable", "1 while a target is unavailable.", ["target"])
WAITING = Gauge("archivist_vod_publications_waiting", "Pending publications, by target.", ["target"])
UNKNOWN_EFFECTS = Gauge("archivist_vod_unknown_effects", "Changes at targets whose outcome is unknown.")
OLDEST = Gauge(
    "archivist_vod_publish_oldest_pending_seconds", "Age of the oldest publication that was not started yet."
)
SYNCED = Gauge(
    "archivist_vod_sync_last_success_timestamp_seconds",
    "When shows or VODs were last synced from Cablecast.",
    ["kind"],
)
