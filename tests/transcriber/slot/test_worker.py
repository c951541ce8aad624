"""Progress as people see it, and what a slot says when its settings cannot work."""

from itertools import pairwise
from threading import Event, Thread
from typing import Any

import pytest

from archivist_common.states import Stage
from archivist_transcriber import protocol
from archivist_transcriber.protocol import Moved
from archivist_transcriber.slot import worker
from archivist_transcriber.slot.worker import Meter


class Heard(list[Moved]):
    """A channel to a supervisor that remembers the progress it was sent."""

    def write(self, line: bytes, /) -> None:
        message = protocol.decode(line)
        assert isinstance(message, Moved)
        self.append(message)


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter that ticks fifty times a second: a batch of minutes is over in one."""
    monkeypatch.setattr(worker, "_TICK_S", 0.02)
    monkeypatch.setattr(worker, "_FIRST_GUESS_S", 0.2)


@pytest.mark.usefixtures("ticking")
def test_progress_moves_between_two_batches_and_stays_within_the_batch() -> None:
    heard, wait = Heard(), Event()
    with Meter(heard, 600_000) as meter:
        meter.tell(Stage.TRANSCRIBE, 0)
        wait.wait(0.4)
    shown = [moved.done_ms for moved in heard]
    assert len(set(shown)) > 5
    assert max(shown) < worker._STEP_MS


@pytest.mark.usefixtures("ticking")
def test_progress_never_goes_back_when_a_batch_was_shorter_than_thought() -> None:
    heard, wait = Heard(), Event()
    with Meter(heard, 600_000) as meter:
        meter.tell(Stage.TRANSCRIBE, 0)
        meter.tell(Stage.TRANSCRIBE, 300_000)
        wait.wait(0.3)
        meter.tell(Stage.TRANSCRIBE, 305_000)
        meter.tell(Stage.TRANSCRIBE, 600_000)
    for before, after in pairwise(heard):
        assert after.done_ms >= before.done_ms
    assert heard[-1].done_ms == 600_000


@pytest.mark.usefixtures("ticking")
def test_no_tick_comes_after_the_work_is_over() -> None:
    heard = Heard()
    with Meter(heard, 600_000) as meter:
        meter.tell(Stage.TRANSCRIBE, 0)
    count = len(heard)
    Event().wait(0.1)
    assert len(heard) == count


def test_the_supervisors_silence_ends_the_ears() -> None:
    stop: Event = Event()
    waiting: worker.SimpleQueue[Any] = worker.SimpleQueue()
    ears = Thread(target=worker._hear, args=(iter([protocol.encode(protocol.Stop())]), waiting, stop))
    ears.start()
    ears.join(5)
    assert stop.is_set()
    assert waiting.get(timeout=1) is None
