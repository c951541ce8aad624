"""Every file of the corpus comes to what its table says, and none leads a decoder to anything but itself."""

import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests import media_corpus as corpus
from tests import media_factory as factory

from archivist_common.errors import ArchivistError
from archivist_transcriber.audio import media

DEADLINE_S = 30.0
UNLISTED = Path(__file__).with_name("unlisted.py")


class Canaries:
    """A file that tells when it is opened, and an address that tells when it is called."""

    def __init__(self, folder: Path) -> None:
        file = factory.write(folder / "canary.ts", factory.tone(2))
        libc = ctypes.CDLL(None, use_errno=True)
        self._opened = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._opened >= 0
        assert libc.inotify_add_watch(self._opened, os.fsencode(file), 0x21) >= 0  # IN_ACCESS, IN_OPEN
        self._server = socket.create_server(("127.0.0.1", 0))
        self._calls: list[bytes] = []
        threading.Thread(target=self._answer, daemon=True).start()
        self.bait = corpus.Bait(file, f"http://127.0.0.1:{self._server.getsockname()[1]}")

    def _answer(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return  # closed
            with caller:
                self._calls.append(b"connected")
                caller.settimeout(2)
                try:
                    caller.recv(4096)
                    caller.sendall(b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    continue

    def touched(self) -> set[str]:
        """Which of `file` and `http` were used since the last call."""
        found = {"http"} if self._calls else set()
        self._calls.clear()
        while select.select([self._opened], [], [], 0)[0]:
            os.read(self._opened, 65_536)
            found.add("file")
        return found

    def close(self) -> None:
        self._server.close()
        os.close(self._opened)


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canaries]:
    birds = Canaries(tmp_path_factory.mktemp("canaries"))
    yield birds
    birds.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, canaries: Canaries) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    corpus.write(folder, canaries.bait)
    return folder


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name.encode("unicode_escape").decode()) for c in corpus.CASES])
def test_comes_to_what_the_table_says(folder: Path, canaries: Canaries, case: corpus.Case) -> None:
    canaries.touched()
    seconds = 0.0
    try:
        with media.open_audio(folder / case.name, deadline_s=DEADLINE_S) as audio:
            for block in audio:
                assert np.abs(block).max() <= 1.0
                seconds += len(block) / media.RATE
        outcome, message = "ok", ""
    except ArchivistError as exc:
        outcome, message = exc.code, exc.message
    assert outcome == case.outcome, message
    assert case.seconds[0] <= seconds <= case.seconds[1] or outcome != "ok"
    assert len(message) < 300
    assert "ended without an answer" not in message
    assert canaries.touched() == set()


def test_the_table_is_large_and_has_a_file_of_every_container() -> None:
    names = [case.name for case in corpus.CASES]
    assert len(set(names)) == len(names) >= 60
    assert sum(case.points for case in corpus.CASES) >= 30
    of_each = "mp4 mov mkv ts mxf wav w64 flac ogg avi mp3 mpg aac ac3 m3u8 mpd sdp ffconcat"
    assert {Path(name).suffix[1:] for name in names} >= set(of_each.split())
    assert max(len(name.encode()) for name in names) == 255


def test_the_corpus_is_the_same_bytes_each_time(folder: Path, canaries: Canaries) -> None:
    corpus.whole.cache_clear()
    for case in corpus.CASES[::16]:
        assert case.make(canaries.bait) == (folder / case.name).read_bytes(), case.name


def unlisted(folder: Path, walls: list[str]) -> dict[str, str]:
    """What came of every file that points elsewhere when no list holds a decoder back, behind some walls."""
    files = [str(folder / case.name) for case in corpus.CASES if case.points]
    request = json.dumps({"walls": walls, "files": files})
    done = subprocess.run(
        [sys.executable, "-I", UNLISTED, request], env={}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout)
    assert len(said) == len(files)
    return said


def test_without_lists_and_walls_the_files_do_reach_out(folder: Path, canaries: Canaries) -> None:
    """Else the tests below would prove nothing."""
    canaries.touched()
    unlisted(folder, [])
    assert canaries.touched() >= {"file", "http"}


@pytest.mark.parametrize(
    ("walls", "kept"),
    [
        pytest.param(["leave_network"], {"http"}, id="network-namespace"),
        pytest.param(["forbid_files"], {"file"}, id="landlock"),
        pytest.param(["forbid_calls"], {"file", "http"}, id="system-call-filter"),
        pytest.param(["leave_network", "forbid_files"], {"file", "http"}, id="both-without-the-filter"),
    ],
)
def test_walls_hold_without_lists(folder: Path, canaries: Canaries, walls: list[str], kept: set[str]) -> None:
    for wall in walls:
        if not stands(wall):
            pytest.skip(f"this machine does not offer {wall}")
    canaries.touched()
    unlisted(folder, walls)
    assert canaries.touched() & kept == set()


def stands(wall: str) -> bool:
    """Whether the kernel gives this process's children this wall."""
    program = f"""
import ctypes, os, sys
from archivist_transcriber.audio.decoder import sandbox
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
before = os.stat("/proc/self/ns/net").st_ino
sandbox.{wall}(libc)
try:
    sys.exit(0 if os.stat("/proc/self/ns/net").st_ino != before or not open("/proc/self/stat") else 1)
except OSError:
    sys.exit(0)
"""
    return subprocess.run([sys.executable, "-I", "-c", program], env={}, timeout=20).returncode == 0
