"""What the publisher counts."""

from prometheus_client import Counter, Gauge

ENDED = Counter("archivist_vod_attempts", "Attempts at publications that came to an end or to a person.", ["outcome"])
for _outcome in ("published", "held", "retried", "failed"):
    ENDED.labels(_outcome)  # there from the start at 0: a first failure is an increase
STOPPED = Gauge("archivist_vod_target_stopped", "Whether a target refuses our credentials.", ["target"])
UNAVAILABLE = Gauge("archivist_vod_target_unavailable", "Whether a target is unavailable.", ["target"])
WAITING = Gauge(
    "archivist_vod_publications_waiting", "Publications that wait for their turn or their target.", ["target"]
)
UNKNOWN_EFFECTS = Gauge("archivist_vod_unknown_effects", "Changes of which nobody knows whether they happened.")
OLDEST = Gauge("archivist_vod_publish_oldest_pending_seconds", "How long the oldest publication waits for its turn.")
SYNCED = Gauge(
    "archivist_vod_sync_last_success_timestamp_seconds", "When shows or VODs were last read from Cablecast.", ["kind"]
)
