"""Judges a history in the manner of Jepsen's total queue: everything acknowledged comes out, once, and nothing else.

Pure: records and the end of the world in, findings out. Each finding is a sentence that names the job.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise

from tests.chaos.history import Record, of

TERMINAL = frozenset({"completed", "failed", "cancelled"})
_STATE_EVENTS = {f"transcription.{state}": state for state in TERMINAL}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the database has it in the end. Times in seconds since 1970.

    events: of its state, in order. files: kind, attempt that made it, hash.
    """

    id: str
    path: str
    status: str
    attempt: int
    created: float
    ended: float | None
    events: tuple[str, ...]
    files: tuple[tuple[str, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    """The world once everything has come to rest.

    expected: for each recording, its files by public name and hash, as an undisturbed run makes them.
    public: what stands under public names. vault: attempts on the disk, by job.
    recordings: those whose content is not what it was.
    """

    jobs: tuple[Job, ...]
    expected: Mapping[str, Mapping[str, str]]
    public: Mapping[str, str]
    broken: tuple[str, ...] = ()
    changed_recordings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts, and a sentence for everything that should not be."""

    attempted: int
    acknowledged: int
    completed: int
    recovered: int
    """Submits whose answer was lost or refused, whose job nevertheless ran to its end."""
    lost: tuple[str, ...]
    unexpected: tuple[str, ...]
    duplicated: tuple[str, ...]
    """Effects: terminal events, files, live jobs for one recording."""
    conflicts: tuple[str, ...]
    """A client was told of one end, and another came."""
    differing: tuple[str, ...]
    """Files with other bytes than an undisturbed run makes, half files seen, recordings touched."""
    broken: tuple[str, ...]
    """Invariants, sampled while it ran and asked in the end."""
    disturbed: int
    """Completed jobs that were claimed more than once or had a chunk heard again."""
    samples: int
    faults: Mapping[str, int] = field(default_factory=dict)
    heard: int = 0
    heard_again: tuple[str, ...] = ()
    """Each time a chunk was begun again: `recording/chunk after <process that had begun it>`."""
    most_again: int = 0
    """Chunks begun again after one and the same disturbed process."""

    @property
    def sound(self) -> bool:
        return not (
            self.lost or self.unexpected or self.duplicated or self.conflicts or self.differing or self.broken
        )

    def findings(self) -> Iterator[str]:
        for name in ("lost", "unexpected", "duplicated", "conflicts", "differing", "broken"):
            for sentence in getattr(self, name):
                yield f"{name}: {sentence}"


def check(records: Sequence[Record], end: End) -> Verdict:
    """What a history and its end show."""
    attempted = {record.facts["path"] for record in of(records, "submit")}
    acknowledged = {record.facts["job"]: record.facts["path"] for record in of(records, "acknowledged")}
    by_id = {job.id: job for job in end.jobs}
    counted = Counter(job.path for job in end.jobs)
    anew = {record.facts["path"] for record in of(records, "cancel")} | {
        path for path in counted if counted[path] > 1
    }
    again = tuple(_heard_again(records, anew))
    disturbed = {path for path, _ in again} | {job.path for job in end.jobs if job.attempt > 1}
    completed = [job for job in end.jobs if job.status == "completed"]
    return Verdict(
        attempted=len(attempted),
        acknowledged=len(acknowledged),
        completed=len(completed),
        recovered=len({job.path for job in end.jobs if job.status in TERMINAL} - set(acknowledged.values())),
        lost=tuple(_lost(acknowledged, by_id)),
        unexpected=tuple(
            f"job {job.id}: nobody submitted {job.path}" for job in end.jobs if job.path not in attempted
        ),
        duplicated=tuple(_duplicated(end)),
        conflicts=tuple(_conflicts(records, by_id)),
        differing=tuple(_differing(records, end)),
        broken=(*end.broken, *_broken(records)),
        disturbed=sum(job.path in disturbed for job in completed),
        samples=sum(1 for _ in of(records, "sampled")),
        faults=Counter(record.facts["kind"] for record in of(records, "fault")),
        heard=sum(1 for _ in of(records, "chunk-begun")),
        heard_again=tuple(what for _, what in again),
        most_again=max(Counter(what.rpartition(" after ")[2] for _, what in again).values(), default=0),
    )


def _lost(acknowledged: Mapping[str, str], jobs: Mapping[str, Job]) -> Iterator[str]:
    for job_id, path in acknowledged.items():
        job = jobs.get(job_id)
        if job is None:
            yield f"job {job_id} ({path}) was acknowledged and is not there"
        elif job.status not in TERMINAL:
            yield f"job {job_id} ({path}) is {job.status} and does not end"


def _duplicated(end: End) -> Iterator[str]:
    lives: dict[str, list[Job]] = defaultdict(list)
    for job in end.jobs:
        yield from _events_twice(job)
        attempts = {attempt for _, attempt, _ in job.files}
        if len(attempts) > 1:
            yield f"job {job.id} has files of attempts {sorted(attempts)}"
        lives[job.path].append(job)
    for path, jobs in lives.items():
        jobs.sort(key=lambda job: job.created)
        for before, after in pairwise(jobs):
            if before.ended is None or before.ended > after.created:
                yield f"jobs {before.id} and {after.id} were live for {path} at once"
    expected = {name for names in end.expected.values() for name in names}
    for name in sorted(end.public.keys() - expected):
        yield f"the file {name} is one more than there should be"


def _events_twice(job: Job) -> Iterator[str]:
    """One terminal event in each life of a job; a life begins when it is queued."""
    ended = False
    for event in job.events:
        if event == "transcription.queued":
            ended = False
        elif event in _STATE_EVENTS:
            if ended:
                yield f"job {job.id} ended twice: {', '.join(job.events)}"
            ended = True
    if ended != (job.status in TERMINAL):
        yield f"job {job.id} is {job.status}, its events are {', '.join(job.events)}"


def _conflicts(records: Sequence[Record], jobs: Mapping[str, Job]) -> Iterator[str]:
    """retried: whoever queues a job again may see another end of it."""
    retried = {record.facts["job"] for record in of(records, "retried")}
    for record in of(records, "told"):
        job_id, state = record.facts["job"], record.facts["state"]
        job = jobs.get(job_id)
        if state in TERMINAL and job is not None and job_id not in retried and job.status != state:
            yield f"job {job_id}: a client was told {state}, it ended {job.status}"
    for record in of(records, "cancel-accepted"):
        job = jobs.get(record.facts["job"])
        if job is not None and job.id not in retried and job.status == "failed":
            yield f"job {job.id}: a cancel was accepted, it ended {job.status}"


def _differing(records: Sequence[Record], end: End) -> Iterator[str]:
    wanted = {name: sha for names in end.expected.values() for name, sha in names.items()}
    for name, sha in end.public.items():
        if name in wanted and wanted[name] != sha:
            yield f"{name} holds other bytes than an undisturbed run makes"
    for job in end.jobs:
        if job.status == "completed":
            hashes = set(end.expected.get(job.path, {}).values())
            if {sha for _, _, sha in job.files} != hashes:
                yield f"job {job.id} ({job.path}): its files are not those of an undisturbed run"
    seen = set()
    for record in of(records, "read"):
        name, sha = record.facts["name"], record.facts["sha256"]
        if wanted.get(name, sha) != sha and name not in seen:
            seen.add(name)
            yield f"a reader saw {name} with {record.facts['size_bytes']} bytes that no run makes"
    completed = {job.path for job in end.jobs if job.status == "completed"}
    for path in sorted(completed):
        for name in sorted(end.expected.get(path, {}).keys() - end.public.keys()):
            yield f"{name} does not stand under its public name"
    for path in end.changed_recordings:
        yield f"the recording {path} was changed"


def _broken(records: Iterable[Record]) -> Iterator[str]:
    seen = Counter[str]()
    for record in of(records, "broken"):
        name = record.facts["invariant"]
        seen[name] += 1
        if seen[name] <= 3:
            yield f"{name}: {record.facts['rows'][0]}"
    for name, count in seen.items():
        if count > 3:
            yield f"{name}: and {count - 3} times more"


def _heard_again(records: Sequence[Record], anew: Set[str]) -> Iterator[tuple[str, str]]:
    """(recording, what) of each time a chunk was begun although somebody had begun it.

    anew: recordings whose chunks are heard again by right, cancelled and queued again, or submitted twice.
    """
    begun: dict[tuple[str, int], str] = {}
    for record in of(records, "chunk-begun"):
        path, number = record.facts["path"], record.facts["number"]
        before = begun.get((path, number))
        if before is not None and path not in anew:
            yield path, f"{path}/{number} after {before}"
        begun[path, number] = str(record.facts["process"])
