"""Messages between supervisor and slot: what is sent is what arrives, and nothing else is taken for a message."""

import asyncio
import json
import os
from pathlib import Path
from typing import get_args

import pytest

from archivist_captions.cue import Word
from archivist_common.errors import MediaUnreadable, WorkerCrashed
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.states import Stage
from archivist_transcriber import protocol
from archivist_transcriber.protocol import (
    AssembleWork,
    ChunkWork,
    Failed,
    Measured,
    MeasureWork,
    Moved,
    Planned,
    PlanWork,
    Ready,
    RecordingFile,
    Stop,
)
from archivist_transcriber.supervisor.slot import Slot

RECORDING = RecordingFile("flex-1", "2026/Falls City – «Council».mp4", 2**40, 1_790_000_000_123_456_789, None, "ab12")
CUT = Cut(3, 60_000, 120_500, ((0, 16_000), (32_000, 964_000)), "en")
WORDS = (Word(0, 320, "¿Puede", 0.98), Word(320, 700, "oír?", None), Word(700, 900, "Sí.", 1.0, "S1"))
PLANNED = Planned(7_200_000, "es", {"duration": 7200.5, "tracks": [{"codec": "aac", "language": None}], "vfr": False})
STAGED = StagedFile("scc", Path("/vault/ab/1-captions.scc"), "0" * 64, 12_345, Path("/media/2026/council.scc"))

MESSAGES = [
    PlanWork(RECORDING, "large-v2", None),
    PlanWork(RECORDING, "large-v2", "en", (60_000, 121_000)),
    ChunkWork(RECORDING, "large-v2", CUT, careful=True),
    AssembleWork("7d1c", 2, RECORDING, "large-v2", True, PLANNED, WORDS, 4, 1),
    MeasureWork(),
    Stop(),
    Ready("large-v2", "cuda", 12.25, 3.5, "faster_whisper cuda float16 batch 16 beam 5 cuts 2"),
    Failed("MEDIA_UNREADABLE", 'it is not a recording: "notes.mp4"\nline two'),
    Moved(Stage.TRANSCRIBE, 30_000, 7_200_000),
    Moved(Stage.ASSEMBLE, 0),
    CUT,
    PLANNED,
    ChunkTranscript(WORDS, 4, 1),
    ChunkTranscript((), 0, 0),
    JobOutcome((STAGED,), 7_200_000, "es", {"sentences": [{"start_ms": 1, "text": "Sí."}]}, ("no speakers",)),
    JobOutcome((), 0, "en", None, ()),
    Measured(3.125),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_sent_is_what_arrives(message: protocol.Message) -> None:
    line = protocol.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    arrived = protocol.decode(line)
    assert arrived == message
    assert type(arrived) is type(message)


def test_every_message_is_tried_here() -> None:
    kinds = {kind for union in (protocol.Command, protocol.Report) for kind in get_args(union)}
    assert {type(message) for message in MESSAGES} == kinds


def test_text_that_is_no_utf_8_arrives() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")  # as Linux lets a file be named
    message = ChunkWork(RecordingFile("flex-1", name, 1, 1, 0), "tiny", CUT)
    assert protocol.decode(protocol.encode(message)) == message


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"\n", id="empty"),
        pytest.param(b"Segmentation fault\n", id="no-json"),
        pytest.param(b'{"moved":{"stage":"transcribe","done_ms":1\n', id="cut-off"),
        pytest.param(b"\xff\xfe\n", id="no-text"),
        pytest.param(b"[]\n", id="a-list"),
        pytest.param(b"17\n", id="a-number"),
        pytest.param(b"{}\n", id="no-name"),
        pytest.param(b'{"dance":{}}\n', id="unknown-name"),
        pytest.param(b'{"stop":{},"measure":{}}\n', id="two-messages"),
        pytest.param(b'{"moved":{"stage":"transcribe"}}\n', id="a-field-missing"),
        pytest.param(b'{"moved":{"stage":"dreaming","done_ms":1}}\n', id="no-such-stage"),
        pytest.param(b'{"moved":{"stage":"transcribe","done_ms":"far"}}\n', id="no-number"),
        pytest.param(b'{"moved":null}\n', id="nothing"),
        pytest.param(
            b'{"transcript":{"words":[{"start_ms":9,"end_ms":1,"text":"x"}],"dropped":0,"bad_packets":0}}\n',
            id="a-word-that-ends-before-it-begins",
        ),
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        protocol.decode(line)


def test_an_error_arrives_as_the_error_it_was() -> None:
    error = Failed.of(MediaUnreadable("no audio track")).error()
    assert isinstance(error, MediaUnreadable)
    assert error.message == "no audio track"


def test_a_plan_stored_with_a_job_is_read_and_what_it_holds_beyond_is_left() -> None:
    stored = {"audio_ms": 60_000, "language": "en", "facts": {"codec": "aac"}, "of_another_version": 1}
    assert protocol.planned_of(json.loads(json.dumps(stored))) == Planned(60_000, "en", {"codec": "aac"})


@pytest.mark.parametrize("line", ["oh no", '{"dance":{}}'], ids=["corrupt", "unknown"])
async def test_a_slot_that_sends_what_is_no_message_is_ended_as_crashed(line: str) -> None:
    slot = Slot(0, (0,), {})
    slot._process = process = await asyncio.create_subprocess_exec(
        "sh", "-c", f"echo '{line}'; sleep 60",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    async with asyncio.timeout(20):
        with pytest.raises(WorkerCrashed, match="protocol"):
            await slot.measure()
    assert process.returncode is not None
    assert slot.pid is None
