"""What is true of every job at every moment, as queries that return nothing while it is.

The numbers are those of the reliability protocol, section 1.4. A query is plain PostgreSQL 15 and can be run by hand:
`psql -v lease_s=30`. Each row it returns says what is broken. What only a disk can show is in `committed_files`;
what only a history can show is named in ELSEWHERE with the test that shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

SHOWN = 20
"""Broken rows a query returns at most: the first few tell what is wrong."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A sentence that is always true, and the query whose rows are what breaks it.

    sql: returns one text column; `:lease_s` in it is the lease in seconds.
    passing: what a moment may show for an instant; only what is seen twice, some seconds apart, is broken.
    """

    id: str
    sentence: str
    sql: str
    remedy: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Violation:
    """What a query found: the first of the rows, in words."""

    invariant: Invariant
    rows: tuple[str, ...]


# Events older than thirty days are thrown away (reconciler), so a history is only asked of jobs of the last 29.
INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "I1",
        "Every job has its transcription.queued event, and a completed_date exactly when it has ended.",
        """
        SELECT format('job %s is %s, completed_date %s', id, status, coalesce(completed_date::text, 'unset'))
        FROM transcriptions
        WHERE (status IN ('completed', 'failed', 'cancelled')) <> (completed_date IS NOT NULL)
        UNION ALL
        SELECT format('job %s has no transcription.queued event', id)
        FROM transcriptions t
        WHERE created_date > now() - interval '29 days'
          AND NOT EXISTS (SELECT FROM outbox o WHERE o.transcription_id = t.id AND o.event = 'transcription.queued')
        """,
        "The table was changed by hand or restored in part. Cancel the job and retry it.",
    ),
    Invariant(
        "I2",
        "A job that has ended stays ended, unless it was queued again.",
        """
        SELECT format('job %s: %s after %s', transcription_id, event, before)
        FROM (SELECT transcription_id, event,
                     lag(event) OVER (PARTITION BY transcription_id ORDER BY id) AS before
              FROM outbox WHERE transcription_id IS NOT NULL AND event LIKE 'transcription.%') history
        WHERE before IN ('transcription.completed', 'transcription.failed', 'transcription.cancelled')
          AND event <> 'transcription.queued'
        """,
        "A stale worker's write was accepted. Stop all workers, note the job's log (GET …/log) and report it.",
    ),
    Invariant(
        "I3",
        "Every claim of a job has a higher attempt than the one before.",
        """
        SELECT format('job %s: attempt %s started after attempt %s', transcription_id, attempt, before)
        FROM (SELECT transcription_id, (data ->> 'attempt')::int AS attempt,
                     lag((data ->> 'attempt')::int) OVER (PARTITION BY transcription_id ORDER BY id) AS before
              FROM outbox WHERE event = 'transcription.started') claims
        WHERE attempt <= before
        UNION ALL
        SELECT format('job %s is at attempt %s, but %s was started',
                      t.id, t.attempt, max((o.data ->> 'attempt')::int))
        FROM transcriptions t JOIN outbox o ON o.transcription_id = t.id AND o.event = 'transcription.started'
        GROUP BY t.id, t.attempt HAVING max((o.data ->> 'attempt')::int) > t.attempt
        """,
        "The attempt was set back, as a restore of single rows does. Cancel the job and retry it.",
    ),
    Invariant(
        "I4",
        "A lease is held of exactly what is being worked on, by one worker.",
        """
        SELECT format('job %s is %s, lease %s of %s', id, status, lease_expires_at, lease_owner)
        FROM transcriptions
        WHERE (status = 'processing') <> (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)
        UNION ALL
        SELECT format('chunk %s of job %s is %s, lease %s of %s',
                      number, transcription_id, status, lease_expires_at, lease_owner)
        FROM transcription_chunks
        WHERE (status = 'processing') <> (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)
        UNION ALL
        SELECT format('publication %s is %s, lease %s of %s', id, status, lease_expires_at, lease_owner)
        FROM publications
        WHERE (status = 'processing') <> (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)
        UNION ALL
        SELECT format('chunk %s of job %s is being transcribed, but the job is %s', c.number, t.id, t.status)
        FROM transcription_chunks c JOIN transcriptions t ON t.id = c.transcription_id
        WHERE c.status = 'processing' AND t.status = 'completed'
        """,
        "A constraint was dropped. Run archivist-migrate; cancel and retry the job.",
    ),
    Invariant(
        "I5",
        "A job's files are those of the attempt that completed it.",
        """
        SELECT format('%s of job %s is of attempt %s, completed was attempt %s', a.kind, t.id, a.attempt, t.attempt)
        FROM artifacts a JOIN transcriptions t ON t.id = a.transcription_id
        WHERE a.attempt > t.attempt OR (t.status = 'completed' AND a.attempt <> t.attempt)
        UNION ALL
        SELECT format('job %s: event says attempt %s completed it, the row says %s',
                      t.id, o.data ->> 'attempt', t.attempt)
        FROM transcriptions t JOIN LATERAL (
            SELECT data FROM outbox WHERE transcription_id = t.id AND event = 'transcription.completed'
            ORDER BY id DESC LIMIT 1) o ON true
        WHERE t.status = 'completed' AND t.completed_date > now() - interval '29 days'
          AND (o.data ->> 'attempt')::int <> t.attempt
        """,
        "A stale worker's write was accepted. Stop all workers, cancel and retry the job, and report it.",
    ),
    Invariant(
        "I6",
        "A completed job has its caption file.",
        """
        SELECT format('job %s is completed and has no files', t.id)
        FROM transcriptions t
        WHERE t.status = 'completed'
          AND NOT EXISTS (SELECT FROM artifacts a WHERE a.transcription_id = t.id AND a.kind = 'scc')
        """,
        "Submit the recording again.",
    ),
    Invariant(
        "I8",
        "A programme exists once on its VOD target.",
        """
        SELECT format('job %s has %s live entries: %s', transcription_id, count(*), string_agg(vod_id, ', '))
        FROM vod_content
        WHERE transcription_id IS NOT NULL AND status IN ('processing', 'published')
        GROUP BY transcription_id, target, show, cablecast_show_id, quality HAVING count(*) > 1
        """,
        "Remove the surplus entries on the VOD server.",
    ),
    Invariant(
        "I9",
        "A job's last event is its state, and every event is relayed.",
        """
        SELECT format('job %s is %s, its last event is %s', t.id, t.status, coalesce(o.event, 'none'))
        FROM transcriptions t LEFT JOIN LATERAL (
            SELECT event FROM outbox
            WHERE transcription_id = t.id AND event LIKE 'transcription.%' AND event <> 'transcription.captions'
            ORDER BY id DESC LIMIT 1) o ON true
        WHERE t.status IN ('completed', 'failed', 'cancelled') AND t.completed_date > now() - interval '29 days'
          AND o.event IS DISTINCT FROM 'transcription.' || t.status
        UNION ALL
        SELECT format('%s events wait to be relayed since %s', count(*), min(created_date))
        FROM outbox
        WHERE relayed_date IS NULL AND created_date < clock_timestamp() - make_interval(secs => :lease_s + 30)
          AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :lease_s + 30)
        HAVING count(*) > 0
        """,
        "With Redis unavailable that is all; workers poll. With Redis up: start a transcriber, vod or monitor.",
        passing=True,
    ),
    Invariant(
        "I11",
        "A cancelled job leaves neither files nor chunks.",
        """
        SELECT format('job %s is cancelled and has %s', t.id, made.what)
        FROM transcriptions t JOIN LATERAL (
            SELECT 'the file ' || kind AS what FROM artifacts WHERE transcription_id = t.id
            UNION ALL
            SELECT 'the chunk ' || number FROM transcription_chunks WHERE transcription_id = t.id) made ON true
        WHERE t.status = 'cancelled'
        UNION ALL
        SELECT format('job %s was to be cancelled at %s and still runs', id, cancel_requested_at)
        FROM transcriptions
        WHERE status = 'processing'
          AND cancel_requested_at < clock_timestamp() - make_interval(secs => :lease_s + 20)
          AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :lease_s + 20)
        """,
        "Is the worker that holds the job alive? End it; the reconciler ends the job after its lease.",
    ),
    Invariant(
        "I12",
        "A job that had completed before it was cancelled stays completed.",
        """
        SELECT format('job %s completed at %s and took a cancel at %s', id, completed_date, cancel_requested_at)
        FROM transcriptions
        WHERE status = 'completed' AND cancel_requested_at > completed_date
        """,
        "Report it; the files of the job are good.",
    ),
    Invariant(
        "I13",
        "One recording is captioned once at a time.",
        """
        SELECT format('%s live jobs for one recording: %s', count(*), string_agg(id::text, ', '))
        FROM transcriptions WHERE status IN ('pending', 'processing')
        GROUP BY dedupe_key HAVING count(*) > 1
        """,
        "An index was dropped. Cancel all but one, then run archivist-migrate.",
    ),
    Invariant(
        "I14",
        "A recording that cannot be read is not retried.",
        """
        SELECT format('job %s was released after %s', transcription_id, data ->> 'code')
        FROM outbox
        WHERE event = 'transcription.released'
          AND data ->> 'code' IN ('MEDIA_UNREADABLE', 'NO_AUDIO_TRACK', 'SOURCE_CHANGED')
        """,
        "Cancel the job; report it.",
    ),
    Invariant(
        "I15",
        "Three crashes within 72 hours end a job, and a chunk.",
        """
        SELECT format('job %s is %s after %s crashes', id, status, crash_count)
        FROM transcriptions
        WHERE crash_count > 3
           OR (crash_count = 3 AND status IN ('pending', 'processing') AND crashed_at > now() - interval '72 hours')
        UNION ALL
        SELECT format('chunk %s of job %s is %s after %s crashes', number, transcription_id, status, crash_count)
        FROM transcription_chunks
        WHERE crash_count > 3
           OR (crash_count = 3 AND status IN ('pending', 'processing') AND crashed_at > now() - interval '72 hours')
        """,
        "Cancel the job: its recording kills the worker.",
    ),
    Invariant(
        "I16",
        "An expired lease is released within fifteen seconds.",
        """
        SELECT format('%s is held by %s, whose lease expired %s s ago', what, lease_owner,
                      round(extract(epoch FROM clock_timestamp() - lease_expires_at)))
        FROM (SELECT 'job ' || id AS what, lease_owner, lease_expires_at
              FROM transcriptions WHERE status = 'processing'
              UNION ALL
              SELECT format('chunk %s of job %s', number, transcription_id), lease_owner, lease_expires_at
              FROM transcription_chunks WHERE status = 'processing'
              UNION ALL
              SELECT 'publication ' || id, lease_owner, lease_expires_at
              FROM publications WHERE status = 'processing') held
        WHERE lease_expires_at < clock_timestamp() - interval '15 seconds'
          AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => :lease_s + 15)
        """,
        "No reconciler runs. Start a transcriber, vod or monitor, or see why theirs fails (error.log).",
    ),
    Invariant(
        "I17",
        "No job that is due waits for more than ten seconds beside a free slot.",
        """
        SELECT format('job %s is due since %s; %s has %s free slots', t.id, t.available_at, w.id, w.free_slots)
        FROM transcriptions t CROSS JOIN workers w
        WHERE t.status = 'pending' AND t.paused_at IS NULL
          AND NOT EXISTS (SELECT FROM queue_control WHERE paused_at IS NOT NULL)
          AND t.available_at < clock_timestamp() - interval '10 seconds'
          AND w.ready AND w.free_slots > 0 AND w.heartbeat_at > clock_timestamp() - interval '10 seconds'
          AND w.started_date < clock_timestamp() - interval '10 seconds'
          AND coalesce((w.details ->> 'leads')::boolean, true)
          AND coalesce(nullif(w.details -> 'storages', 'null'), jsonb_build_array(t.storage)) ? t.storage
        """,
        "Can that machine read the job's storage server? See its log for what keeps it from claiming.",
        passing=True,
    ),
    Invariant(
        "I18",
        "The chunks of a recording have neither gap nor overlap, and are all transcribed when it completes.",
        """
        SELECT format('job %s: chunk %s begins at %s ms, what is before it ends at %s ms',
                      transcription_id, number, start_ms, before_ms)
        FROM (SELECT transcription_id, number, start_ms,
                     lag(end_ms, 1, 0::bigint) OVER (PARTITION BY transcription_id ORDER BY number) AS before_ms
              FROM transcription_chunks) cuts
        WHERE start_ms <> before_ms
        UNION ALL
        SELECT format('job %s: chunks up to number %s, but only %s of them', transcription_id, max(number), count(*))
        FROM transcription_chunks GROUP BY transcription_id HAVING count(*) <> max(number) + 1
        UNION ALL
        SELECT format('job %s is completed, its chunk %s is %s', t.id, c.number, c.status)
        FROM transcription_chunks c JOIN transcriptions t ON t.id = c.transcription_id
        WHERE t.status = 'completed' AND c.status <> 'completed'
        UNION ALL
        SELECT format('job %s has chunks of %s recipes', transcription_id, count(DISTINCT recipe))
        FROM transcription_chunks GROUP BY transcription_id HAVING count(DISTINCT recipe) > 1
        """,
        "Cancel the job, which forgets its chunks, and retry it.",
    ),
    Invariant(
        "LEASE",
        "No lease reaches further ahead than a lease is long: the database's clock has not been set back.",
        """
        SELECT format('%s is held by %s until %s', what, lease_owner, lease_expires_at)
        FROM (SELECT 'job ' || id AS what, lease_owner, lease_expires_at
              FROM transcriptions WHERE status = 'processing'
              UNION ALL
              SELECT format('chunk %s of job %s', number, transcription_id), lease_owner, lease_expires_at
              FROM transcription_chunks WHERE status = 'processing'
              UNION ALL
              SELECT 'publication ' || id, lease_owner, lease_expires_at
              FROM publications WHERE status = 'processing') held
        WHERE lease_expires_at > clock_timestamp() + make_interval(secs => 2 * :lease_s)
        """,
        "The database's clock was set back, or workers run with a longer JOB_LEASE than this command.",
    ),
    Invariant(
        "VERIFIED",
        "What is published was read back from its target, unless it was to go without captions.",
        """
        SELECT format('publication %s of job %s is published, its version %s was never read back',
                      p.id, p.transcription_id, p.version)
        FROM publications p
        WHERE p.status = 'published' AND NOT coalesce((p.options ->> 'without_captions')::boolean, false)
          AND NOT EXISTS (SELECT FROM caption_versions v
                          WHERE v.publication_id = p.id AND v.number = p.version AND v.verified_date IS NOT NULL)
        """,
        "The table was changed by hand or restored in part. Retry the publication.",
    ),
    Invariant(
        "EFFECTS",
        "Nothing is in doubt about what is published, and no change was made by a later attempt than the last.",
        """
        SELECT format('publication %s is published, and whether %s happened is not known', p.id, e.key)
        FROM effects e JOIN publications p ON p.id = e.publication_id
        WHERE p.status = 'published' AND e.state <> 'confirmed'
        UNION ALL
        SELECT format('%s of publication %s is of attempt %s, its last was %s', e.key, p.id, e.attempt, p.attempt)
        FROM effects e JOIN publications p ON p.id = e.publication_id
        WHERE e.attempt > p.attempt
        UNION ALL
        SELECT format('%s of publication %s is confirmed %s times', key, publication_id, count(*))
        FROM effects WHERE state = 'confirmed' GROUP BY publication_id, key HAVING count(*) > 1
        """,
        "A stale publisher's write was accepted. Stop all publishers, check the show on the server, and report it.",
    ),
    Invariant(
        "VERSIONS",
        "A publication's captions are one of its versions, counted from one without a gap.",
        """
        SELECT format('publication %s is at version %s, which it does not have', id, version)
        FROM publications p
        WHERE version IS NOT NULL
          AND NOT EXISTS (SELECT FROM caption_versions v WHERE v.publication_id = p.id AND v.number = p.version)
        UNION ALL
        SELECT format('publication %s has %s versions up to number %s', publication_id, count(*), max(number))
        FROM caption_versions GROUP BY publication_id HAVING count(*) <> max(number) OR min(number) <> 1
        """,
        "Rows were deleted or restored by hand. Ask for the publication again: it gets a version of its own.",
    ),
)

ELSEWHERE = {
    "I7": "by `committed_files.torn_public_files` on the disk, and by the reader of public names in tests/chaos",
    "I10": "it is of webhooks: none are sent by this version",
    "I19": "by tests/chaos, which compares the bytes of disturbed and undisturbed runs",
    "I20": "by tests/chaos, which flushes and stops Redis",
    "I21": "by `committed_files.stray_attempts` on the disk",
    "I22": "by tests/common, which claim jobs of every priority and age",
    "I23": "by tests/api, which fill the queue",
    "I24": "by tests/chaos, which hashes every recording before and after",
}
"""Invariants that no query can show, and what shows them."""


async def violations(
    session: AsyncSession, lease: timedelta, which: Iterable[Invariant] = INVARIANTS
) -> list[Violation]:
    """Those that do not hold now, with the first rows that show it."""
    found = []
    for invariant in which:
        query = text(f"SELECT * FROM ({invariant.sql}) AS broken LIMIT {SHOWN}")  # noqa: S608 -- ours, and constant
        if ":lease_s" in invariant.sql:
            query = query.bindparams(bindparam("lease_s", lease.total_seconds()))
        rows = (await session.scalars(query)).all()
        if rows:
            found.append(Violation(invariant, tuple(str(row) for row in rows)))
    return found
