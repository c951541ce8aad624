"""The decoder's own failures: told from a recording that cannot be read, and explained in our log, not to callers."""

import errno
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from tests import media_factory as factory
from tests.transcriber import changed_decoder

from archivist_common.errors import DecoderFailed, MediaError, MediaUnreadable, StorageUnavailable
from archivist_transcriber.audio import last_lines, media
from archivist_transcriber.audio.decoder import containers
from archivist_transcriber.audio.decoder_process import DecoderProcess
from archivist_transcriber.audio.last_lines import LastLines

REQUEST = {"mode": "audio", "track": None, "start_ms": 0, "end_ms": None}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that nobody can find fault with."""
    return factory.write(tmp_path_factory.mktemp("decoder") / "good.flac", factory.tone(2))


def opened_by(program: Path, recording: Path, *, deadline_s: float = 20) -> media.MediaInfo:
    """What another program in the decoder's place says of a recording. Raises as `media.open_audio` does."""
    with DecoderProcess(recording, REQUEST, program=[str(program)]) as child:
        return media._expect_info(child, deadline_s)


def asked_of_pyav() -> dict[str, Any]:
    """Every argument with which the decoder opens a recording, by name."""
    asked: dict[str, Any] = {}

    def opening(_: object, **arguments: Any) -> None:
        asked.update(arguments)

    containers.open_container(SimpleNamespace(open=opening), object())  # type: ignore[arg-type]
    return asked


@pytest.mark.parametrize("name", asked_of_pyav())
def test_the_installed_pyav_takes_each_argument_the_decoder_gives_it(good: Path, name: str) -> None:
    """Fault: PyAV 19 has no metadata_errors. av.open has no signature to read, so it is asked."""
    with good.open("rb") as file:
        try:
            av.open(file, **{name: asked_of_pyav()[name]}).close()
        except TypeError as exc:
            pytest.fail(f"PyAV {av.__version__}: av.open does not take {name}: {exc}")


def test_pyav_refuses_an_argument_it_does_not_know(good: Path) -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(TypeError), good.open("rb") as file:
        av.open(file, no_such_argument=True)


def test_the_decoder_opens_what_it_is_given_with_all_of_them_at_once(good: Path) -> None:
    descriptor = os.open(good, os.O_RDONLY)
    try:
        with containers.open_container(av, containers.Source(descriptor)) as container:
            assert container.format.name == "flac"
    finally:
        os.close(descriptor)


# What it dies of


@pytest.mark.parametrize(
    ("old", "new", "how", "said"),
    [
        pytest.param(
            "    import av\n", "    import av_of_another_version as av\n", "exit code 1",
            "No module named 'av_of_another_version'", id="no-pyav",
        ),
        pytest.param(
            'metadata_errors="replace"', "no_such_argument=True", "exit code 1", "no_such_argument",
            id="pyav-of-another-version",
        ),
        pytest.param(
            "    source = Source(request", "    os.kill(os.getpid(), signal.SIGSEGV)\n    source = Source(request",
            "killed by SIGSEGV", "", id="segmentation-fault",
        ),
        pytest.param(
            "    source = Source(request", "    os.kill(os.getpid(), signal.SIGKILL)\n    source = Source(request",
            "killed by SIGKILL", "", id="out-of-memory-killer",
        ),
        pytest.param(
            "    source = Source(request", "    os.abort()\n    source = Source(request",
            "killed by SIGABRT", "", id="abort",
        ),
        pytest.param(
            "    av = load_all()\n", "    raise MemoryError\n    av = load_all()\n", "exit code 1", "MemoryError",
            id="out-of-memory-before-it-can-say-so",
        ),
        pytest.param("    av = load_all()\n", "    sys.exit(1)\n", "exit code 1", "", id="silent-exit-1"),
        pytest.param("    av = load_all()\n", "    sys.exit(0)\n", "exit code 0", "", id="silent-exit-0"),
        pytest.param(
            'send_json(b"I", info)', "os.write(1, struct.pack('<cI', b'I', 900) + b'{\"half\": '); sys.exit(3)",
            "exit code 3", "", id="half-a-message",
        ),
    ],
)  # fmt: skip
def test_a_death_without_a_message_is_ours_and_never_the_recordings(
    tmp_path: Path, good: Path, old: str, new: str, how: str, said: str
) -> None:
    with pytest.raises(DecoderFailed) as caught:
        opened_by(changed_decoder.program(tmp_path, old, new), good)
    error = caught.value
    assert error.message == f"the decoder ended without an answer ({how})"
    assert error.retryable
    assert not isinstance(error, MediaError)
    assert said in error.stderr
    assert bool(error.stderr) == bool(said)


def test_a_decoder_that_cannot_be_started_is_a_failure_of_the_decoder(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python3")
    with pytest.raises(DecoderFailed, match=os.strerror(errno.ENOENT)):
        media.probe(good)


def test_a_recording_that_wants_too_much_memory_says_so_itself(tmp_path: Path, good: Path) -> None:
    hungry = changed_decoder.program(
        tmp_path, "        if source.size == 0:", "        raise MemoryError\n        if source.size == 0:"
    )
    with pytest.raises(MediaUnreadable, match="needs more than 512 MB"):
        opened_by(hungry, good)


def test_a_decoder_that_writes_without_end_holds_nobody_up_past_the_deadline(tmp_path: Path, good: Path) -> None:
    program = tmp_path / "decoder.py"
    program.write_text("import os\nwhile True: os.write(2, b'on and on\\n' * 100)\n")
    began = time.monotonic()
    with pytest.raises((MediaUnreadable, StorageUnavailable), match=r"for 1 s$"):
        opened_by(program, good, deadline_s=1)
    assert time.monotonic() - began < 5


def test_a_decoder_that_warns_much_is_heard_to_its_end(tmp_path: Path, good: Path) -> None:
    """More than a pipe holds: unread, it would wait for ever, and be taken for a disk that hangs."""
    chatty = changed_decoder.program(
        tmp_path,
        '            send_json(b"I", info)',
        '            os.write(2, b"x" * 300_000)\n            send_json(b"I", info)',
    )
    assert opened_by(chatty, good, deadline_s=10).container == "flac"


def test_the_last_lines_are_few_and_plain() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"first\n" + b"".join(b"line %d \x1b[2J\xff\r\n" % n for n in range(100)))
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0):
        kept = LastLines(reading).rest().split("\n")
    assert kept == [f"line {n} \ufffd[2J\ufffd" for n in range(80, 100)]
    assert len(last_lines.plain(b"y" * 100_000)) == last_lines.BYTES
