"""Metrics of the whole station, not of one process: exported here and nowhere else, so nothing counts twice.

A value that is not known is not exported, or is NaN: an old one would be wrong.
"""

from prometheus_client import Gauge

UNKNOWN = float("nan")

JOBS = Gauge("archivist_jobs", "Transcriptions.", ["status"])
OLDEST_PENDING = Gauge("archivist_job_oldest_pending_seconds", "Age of the job that has waited longest; 0 with none.")
OUTBOX_UNSENT = Gauge("archivist_outbox_unsent", "Events of the outbox not relayed yet.")
OUTBOX_OLDEST = Gauge("archivist_outbox_oldest_age_seconds", "Age of the oldest event not relayed yet; 0 with none.")
WORKER_HEARTBEAT = Gauge(
    "archivist_worker_last_heartbeat_timestamp_seconds", "Last heartbeat of a transcriber.", ["worker"]
)
MOUNT_UP = Gauge("archivist_flex_mount_up", "Whether a storage server is mounted and can be read.", ["mount"])
MOUNT_SIZE = Gauge("archivist_flex_size_bytes", "Size of a storage server.", ["mount"])
MOUNT_FREE = Gauge("archivist_flex_free_bytes", "Free space of a storage server.", ["mount"])
REDIS_MEMORY = Gauge(
    "archivist_redis_memory_used_ratio", "Memory used of the memory allowed; NaN where no limit is set."
)
PUBLICATIONS = Gauge("archivist_publications", "Publications.", ["target", "status"])
NEEDING_ATTENTION = Gauge(
    "archivist_publications_needing_attention",
    "Publications that are held, or wait for something an operator must do at the target.",
    ["target"],
)
COMPONENT = Gauge("archivist_component_status", "0 healthy, 1 degraded, 2 unhealthy.", ["component"])
