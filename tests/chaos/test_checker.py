"""The judge itself: a good history passes, and each way of being bad is found and named."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import stub
from tests.chaos.checker import End, Job, Verdict, check
from tests.chaos.history import History, Record, read

_FILES = (("scc", 1, "aa"), ("txt", 1, "bb"))
_QUEUED, _STARTED, _COMPLETED, _CANCELLED = (
    f"transcription.{name}" for name in ("queued", "started", "completed", "cancelled")
)
_GOOD = Job("1", "a.wav", "completed", 1, 10.0, 20.0, (_QUEUED, _STARTED, _COMPLETED), _FILES)
_END = End((_GOOD,), {"a.wav": {"a.scc": "aa", "a.txt": "bb"}}, {"a.scc": "aa", "a.txt": "bb"})


def _record(what: str, **facts: Any) -> Record:
    return Record(0.0, "test", what, facts)


_HISTORY = (
    _record("submit", path="a.wav", key="k"),
    _record("acknowledged", path="a.wav", job="1", status=202),
    _record("chunk-begun", path="a.wav", number=0, process=7),
    _record("chunk-begun", path="a.wav", number=1, process=7),
    _record("told", job="1", state="completed"),
    _record("read", name="a.scc", sha256="aa", size_bytes=2),
    _record("sampled"),
)


def _job(**changes: Any) -> End:
    return replace(_END, jobs=(replace(_GOOD, **changes),))


def _and(*records: Record) -> Sequence[Record]:
    return (*_HISTORY, *records)


def test_a_good_history_is_sound() -> None:
    verdict = check(_HISTORY, _END)
    assert verdict.sound
    assert list(verdict.findings()) == []
    assert (verdict.attempted, verdict.acknowledged, verdict.completed, verdict.samples) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("found", "records", "end"),
    [
        pytest.param("lost", _HISTORY, replace(_END, jobs=(), public={}), id="an-acknowledged-row-is-gone"),
        pytest.param("lost", _HISTORY, _job(status="processing", events=(_QUEUED, _STARTED)), id="a-job-never-ends"),
        pytest.param("lost", _HISTORY, _job(id="2"), id="a-job-under-another-name"),
        pytest.param("unexpected", _HISTORY, _job(path="b.wav"), id="nobody-asked-for-it"),
        pytest.param(
            "duplicated", _HISTORY, _job(events=(_QUEUED, _STARTED, _COMPLETED, _COMPLETED)), id="two-terminal-events"
        ),
        pytest.param(
            "duplicated", _HISTORY, _job(events=(_QUEUED, _STARTED, _CANCELLED, _COMPLETED)), id="an-end-after-an-end"
        ),
        pytest.param("duplicated", _HISTORY, _job(events=(_QUEUED, _STARTED)), id="an-end-without-its-event"),
        pytest.param("duplicated", _HISTORY, _job(files=(*_FILES, ("scc", 2, "aa"))), id="files-of-two-attempts"),
        pytest.param(
            "duplicated",
            _HISTORY,
            replace(_END, jobs=(_GOOD, replace(_GOOD, id="2", created=15.0, ended=25.0))),
            id="one-recording-twice-at-once",
        ),
        pytest.param(
            "duplicated", _HISTORY, replace(_END, public=dict(_END.public) | {"a.wav.scc": "aa"}), id="one-file-more"
        ),
        pytest.param("conflicts", _and(_record("told", job="1", state="cancelled")), _END, id="told-another-end"),
        pytest.param(
            "conflicts",
            _and(_record("cancel-accepted", job="1")),
            _job(status="failed", events=(_QUEUED, _STARTED, "transcription.failed")),
            id="a-cancelled-job-fails",
        ),
        pytest.param(
            "differing", _HISTORY, replace(_END, public=dict(_END.public) | {"a.txt": "b"}), id="other-bytes"
        ),
        pytest.param("differing", _HISTORY, _job(files=(("scc", 1, "aa"), ("txt", 1, "cc"))), id="other-commit"),
        pytest.param("differing", _HISTORY, replace(_END, public={"a.scc": "aa"}), id="a-public-file-is-missing"),
        pytest.param(
            "differing",
            _and(_record("read", name="a.txt", sha256="b0", size_bytes=1)),
            _END,
            id="half-a-file-was-seen",
        ),
        pytest.param("differing", _HISTORY, replace(_END, changed_recordings=("a.wav",)), id="a-recording-touched"),
        pytest.param(
            "broken", _and(_record("broken", invariant="I16", rows=["job 1 is held"])), _END, id="a-sample-was-broken"
        ),
        pytest.param("broken", _HISTORY, replace(_END, broken=("I9: job 1",)), id="an-invariant-broken-in-the-end"),
    ],
)
def test_each_way_of_being_bad_is_found(found: str, records: Sequence[Record], end: End) -> None:
    verdict = check(records, end)
    assert getattr(verdict, found)
    assert not verdict.sound
    assert any(sentence.startswith(f"{found}: ") for sentence in verdict.findings())


def test_a_job_queued_again_by_a_person_may_end_again() -> None:
    job = replace(_GOOD, events=(_QUEUED, _CANCELLED, _QUEUED, _STARTED, _COMPLETED))
    records = _and(_record("told", job="1", state="cancelled"), _record("retried", job="1"))
    assert check(records, replace(_END, jobs=(job,))).sound


def test_a_submit_without_an_answer_that_ran_is_recovered_and_not_lost() -> None:
    verdict = check([record for record in _HISTORY if record.what != "acknowledged"], _END)
    assert verdict.sound
    assert (verdict.acknowledged, verdict.recovered) == (0, 1)


def _heard(*records: Record) -> Verdict:
    return check(_and(*records), _END)


def test_a_chunk_begun_again_is_counted_by_the_process_that_had_begun_it() -> None:
    verdict = _heard(_record("chunk-begun", path="a.wav", number=1, process=8))
    assert verdict.heard_again == ("a.wav/1 after 7",)
    assert (verdict.heard, verdict.most_again, verdict.disturbed) == (3, 1, 1)


def test_two_chunks_begun_again_after_one_kill_are_seen() -> None:
    again = (_record("chunk-begun", path="a.wav", number=number, process=8) for number in (0, 1))
    assert _heard(*again).most_again == 2


def test_a_recording_cancelled_and_queued_again_is_heard_anew_by_right() -> None:
    again = _record("chunk-begun", path="a.wav", number=0, process=8)
    assert _heard(_record("cancel", job="1", path="a.wav"), again).heard_again == ()


def test_an_invariant_broken_often_is_told_of_briefly() -> None:
    sampled = [_record("broken", invariant="I4", rows=[f"job {number}"]) for number in range(9)]
    assert check(_and(*sampled), _END).broken == ("I4: job 0", "I4: job 1", "I4: job 2", "I4: and 6 times more")


def test_what_one_process_notes_another_reads_in_the_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    client, worker = History(file, "client"), History(file, "worker")
    client.note("submit", path="a.wav")
    worker.note("chunk-begun", path="a.wav", number=0, process=1)
    client.note("acknowledged", path="a.wav", job="1")
    records = read(file)
    assert [record.who for record in records] == ["client", "worker", "client"]
    assert records[1].facts == {"path": "a.wav", "number": 0, "process": 1}


def test_a_history_with_half_a_line_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    History(file, "client").note("submit", path="a.wav")
    file.write_text(file.read_text() + '{"at": 1')
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        read(file)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda words: words[:-1], id="a-word-lost"),
        pytest.param(lambda words: (*words, words[-1]), id="a-word-twice"),
        pytest.param(lambda words: stub.words_of("b.wav", 0), id="words-of-another-recording"),
    ],
)
def test_files_of_other_words_have_other_bytes(change: Callable[[Any], Any]) -> None:
    """The comparison with an undisturbed run would see a chunk lost, doubled or mixed up."""
    words = stub.words_of("a.wav", 0)
    assert stub.written("a.wav", words)["txt"] != stub.written("a.wav", change(words))["txt"]
