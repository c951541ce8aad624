"""Metrics every process exports. Labels have few values; no job, file, user or address is ever one."""

from prometheus_client import Counter, Gauge, Histogram, Info

from archivist_common import __version__

HTTP_REQUESTS = Counter("archivist_http_requests", "Requests answered.", ["service", "method", "route", "code_class"])
HTTP_SECONDS = Histogram(
    "archivist_http_request_duration_seconds",
    "Time to answer.",
    ["service", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
HTTP_IN_FLIGHT = Gauge("archivist_http_in_flight_requests", "Requests being answered.", ["service"])

JOB_ATTEMPTS = Counter("archivist_job_attempts", "Attempts ended.", ["outcome"])
JOB_STAGE_SECONDS = Histogram(
    "archivist_job_stage_duration_seconds",
    "Time an attempt spent in a stage.",
    ["stage"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 43200),
)
JOB_AUDIO_SECONDS = Counter("archivist_job_audio_seconds", "Seconds of audio captioned.")
CHUNK_ATTEMPTS = Counter("archivist_chunk_attempts", "Attempts at chunks ended.", ["outcome"])
CHUNK_AUDIO_SECONDS = Counter("archivist_chunk_audio_seconds", "Seconds of audio transcribed.")
UNHEARD_SPEECH_SECONDS = Counter("archivist_unheard_speech_seconds", "Seconds of speech that stayed without words.")
CHUNK_SECONDS = Histogram(
    "archivist_chunk_duration_seconds",
    "Time to transcribe a chunk.",
    buckets=(0.5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280),
)
LEASE_EXPIRED = Counter("archivist_lease_expired", "Leases that expired; the work was requeued or failed.")
FENCED_WRITES = Counter(
    "archivist_fenced_writes", "Writes refused to an attempt that had lost its lease.", ["component"]
)
CHILD_KILLS = Counter("archivist_child_kills", "Child processes killed by their parent.", ["reason"])
SCRUB_FAILURES = Counter("archivist_scrub_failures", "Committed files found damaged or missing.")
RECONCILER_LAST_SUCCESS = Gauge(
    "archivist_reconciler_last_success_timestamp_seconds", "When this process last completed a reconciler iteration."
)
WORKER_SLOTS = Gauge("archivist_worker_slots", "Slots of this transcriber, free and busy.", ["state"])
REDIS_UP = Gauge("archivist_redis_up", "Whether Redis answered last: wake-up notifications can be sent.")

Info("archivist_build", "What is running.").info({"version": __version__})
