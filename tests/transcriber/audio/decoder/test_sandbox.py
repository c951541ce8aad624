"""The wall around FFmpeg: what a decoder could do if its recording took it over, tried from inside and outside."""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from tests import media_factory as factory

from archivist_common.errors import ArchivistError, DecoderFailed, MediaUnreadable, StorageUnavailable
from archivist_transcriber.audio import media
from archivist_transcriber.audio.decoder import sandbox
from archivist_transcriber.audio.decoder.messages import BLOCK
from archivist_transcriber.audio.decoder_process import CPU_S, DecoderProcess


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes: more than a pipe holds, so that the child is still there when it is looked at."""
    return factory.write(tmp_path_factory.mktemp("wall") / "long.flac", np.tile(factory.tone(20), 30))


def inside(program: str) -> dict[str, str]:
    """Run lines in a process of its own that has `sandbox` and `tried`; what they put into `found`."""
    escape = Path(tempfile.gettempdir()) / f"archivist-escape-{uuid4().hex}"
    whole = f"""
import ctypes, errno, json, os, socket, sys
from archivist_transcriber.audio.decoder import sandbox
found = {{}}
libc = ctypes.CDLL(None, use_errno=True)
ESCAPE = {str(escape)!r}
libc.prctl(38, 1, 0, 0, 0)
def tried(name, action, *arguments):
    try:
        action(*arguments)
        found[name] = "allowed"
    except OSError as exc:
        found[name] = errno.errorcode[exc.errno]
{program}
os.write(1, json.dumps(found).encode())
"""
    done = subprocess.run([sys.executable, "-I", "-c", whole], env={}, capture_output=True, text=True, timeout=20)
    escape.unlink(missing_ok=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


ATTACK = """
tried("read", open, "/etc/passwd")
tried("write", open, ESCAPE, "w")
tried("list", os.listdir, "/")
tried("connect", lambda: socket.create_connection(("127.0.0.1", PORT), 2))
tried("outside", lambda: socket.create_connection(("192.0.2.1", 9), 2))
tried("fork", lambda: os.fork() or os._exit(0))
tried("exec", os.posix_spawn, "/bin/true", ["true"], {})
tried("signal", os.kill, os.getppid(), 0)
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Somebody who listens on loopback, as the database does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_without_the_wall_each_of_these_is_allowed(port: int) -> None:
    """Else the tests below would prove nothing."""
    found = inside(f"PORT = {port}\n{ATTACK}")
    assert {name for name, answer in found.items() if answer == "allowed"} >= {
        "read", "write", "list", "connect", "fork", "exec", "signal"
    }  # fmt: skip


def test_the_confined_child_is_refused_everything(port: int) -> None:
    found = inside(f"PORT = {port}\nsandbox.confine(2**29, (60, 60), os.getppid())\n{ATTACK}")
    if "allowed" in {found["read"], found["connect"]}:
        pytest.skip(f"this kernel has neither Landlock nor seccomp filters: {found}")
    assert "allowed" not in found.values(), found


def test_a_network_namespace_alone_reaches_nobody(port: int) -> None:
    found = inside(f"""
PORT = {port}
before = os.stat("/proc/self/ns/net").st_ino
sandbox.leave_network(libc)
found["left"] = str(before != os.stat("/proc/self/ns/net").st_ino)
{ATTACK}""")
    if found["left"] == "False":
        pytest.skip("this kernel lets this user make no network namespace")
    assert found["connect"] == found["outside"] == "ENETUNREACH"


def test_landlock_alone_opens_no_file(port: int) -> None:
    found = inside(f"PORT = {port}\nsandbox.forbid_files(libc)\n{ATTACK}")
    if found["read"] == "allowed":
        pytest.skip("this kernel has no Landlock")
    assert (found["read"], found["write"], found["list"], found["exec"]) == ("EACCES",) * 4
    abi = inside("found['abi'] = str(libc.syscall(444, None, 0, 1))")["abi"]
    assert found["connect"] == ("EACCES" if int(abi) >= 4 else "allowed")
    assert found["signal"] == ("EPERM" if int(abi) >= 6 else "allowed")


def test_the_system_call_filter_alone_refuses_everything(port: int) -> None:
    found = inside(f"PORT = {port}\nsandbox.forbid_calls(libc)\n{ATTACK}")
    if found["read"] == "allowed":
        pytest.skip("this machine has no seccomp filter, or is of a kind whose calls are not listed")
    assert set(found.values()) == {"ENOSYS"}


def test_the_filter_lets_threads_through_and_no_process() -> None:
    found = inside("""
import threading
sandbox.forbid_calls(libc)
heard = []
thread = threading.Thread(target=heard.append, args=(1,))
thread.start()
thread.join(10)
found["thread"] = str(heard)
tried("process", os.fork)""")
    assert found["thread"] == "[1]"
    if found["process"] == "allowed":
        pytest.skip("no filter here")
    assert found["process"] == "ENOSYS"


def test_seen_from_outside_the_child_holds_nothing_of_ours(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "of-the-station")
    secret = os.open(long.parent, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        with media.open_audio(long) as audio:
            next(iter(audio))
            process, fd = Path(f"/proc/{audio._child._process.pid}"), audio._child._fd
            descriptors = {int(fd.name): fd.readlink() for fd in (process / "fd").iterdir()}
            environment = (process / "environ").read_bytes()
            threads = [(task / "status").read_text() for task in (process / "task").iterdir()]
            network, ours = (process / "ns/net").readlink(), Path("/proc/self/ns/net").readlink()
            limits = {line[:26].strip(): line[26:].split() for line in (process / "limits").read_text().splitlines()}
            assert (process / "cwd").readlink() == Path("/")
    finally:
        os.close(secret)
    recording = descriptors.pop(fd)
    assert recording == long
    assert {n: str(target).partition(":")[0] for n, target in descriptors.items()} == {
        0: "/dev/null", 1: "pipe", 2: "pipe"
    }  # fmt: skip
    assert environment == b"OPENBLAS_NUM_THREADS=1\0"
    for status in threads:
        fields = dict(line.split(":\t", 1) for line in status.splitlines())
        assert fields["NoNewPrivs"] == "1"
        assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
        assert fields["Seccomp"] == ("2" if os.uname().machine in sandbox._MACHINES else "0")
    assert limits["Max file size"][:2] == limits["Max core file size"][:2] == ["0", "0"]
    assert limits["Max open files"][:2] == ["64", "64"]
    assert int(limits["Max cpu time"][0]) >= CPU_S
    if (
        inside("found['left'] = str(libc.unshare(0x40000000) == 0 or libc.unshare(0x50000000) == 0)")["left"]
        == "True"
    ):
        assert network != ours


# A child that its recording has taken over says what it likes.

INFO = {
    "container": "wav", "duration_ms": 60_000, "default_track": 0, "streams": 1, "timecode": None, "video": None,
    "audio": [{"codec": "pcm_s16le", "channels": 1, "sample_rate": 16_000, "language": None, "start_ms": 0,
               "duration_ms": 60_000}],
}  # fmt: skip
TRACK = INFO["audio"][0]


def false_child(path: Path, program: str, *, cpu_s: int = CPU_S) -> media.AudioStream:
    """An audio stream out of a child that runs these lines instead. Raises as `open_audio` does."""
    script = path / "child.py"
    script.write_text(f"""
import json, os, resource, struct, sys, time
from archivist_transcriber.audio.decoder import sandbox
from archivist_transcriber.audio.decoder.messages import BLOCK, send, send_json
INFO = {INFO!r}
TRACK = INFO["audio"][0]
request = json.loads(sys.argv[1])
sandbox.confine(request["memory"], tuple(request["cpu_s"]), request["parent"])
{program}
""")
    source = path / "recording.wav"
    source.write_bytes(b"RIFF")
    request = {"mode": "audio", "track": None, "start_ms": 0, "end_ms": None}
    child = DecoderProcess(source, request, program=[str(script)], cpu_s=cpu_s)
    try:
        info = media._expect_info(child, 10)
        return media.AudioStream(child, info, info.audio[0], 0, 10)
    except BaseException:
        child.close()
        raise


def hear(path: Path, program: str, *, cpu_s: int = CPU_S) -> int:
    """Samples such a child sends."""
    with false_child(path, program, cpu_s=cpu_s) as audio:
        return sum(len(block) for block in audio)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        pytest.param("send(b'I', b'[' * 100_000)", "makes no sense", id="nested-answer"),
        pytest.param("send(b'I', b'\\xff')", "makes no sense", id="no-text"),
        pytest.param("send(b'I', b'[]')", "makes no sense", id="no-answer"),
        pytest.param("send(b'I', json.dumps(INFO).replace('60000', 'Infinity').encode())", "sense", id="infinite"),
        pytest.param("send_json(b'I', INFO | {'default_track': 1})", "tracks are missing", id="no-such-track"),
        pytest.param("send_json(b'I', INFO | {'streams': 33, 'audio': [TRACK] * 33})", "tracks", id="many-tracks"),
        pytest.param("send_json(b'I', INFO | {'video': {'frame_rate': '1/0'}})", "makes no sense", id="no-rate"),
        pytest.param("send(b'A', bytes(200))", "out of turn", id="sound-before-information"),
        pytest.param("os.write(1, struct.pack('<cI', b'I', 0xffffffff))", "4294967295 bytes", id="huge-message"),
        pytest.param("os.write(1, b'I')", "exit code 0", id="half-a-head"),
        pytest.param("send_json(b'E', {'code': 'FENCED', 'message': 'go away'})", "go away", id="not-its-error"),
        pytest.param("send(b'E', b'nonsense')", "makes no sense", id="no-error"),
        pytest.param("send_json(b'I', INFO); send_json(b'I', INFO)", "out of turn", id="information-twice"),
        pytest.param("send_json(b'I', INFO); send(b'A', bytes(3))", "out of turn: b'A', 3 bytes", id="half-a-sample"),
        pytest.param("send_json(b'I', INFO); send(b'A', b'')", "out of turn: b'A', 0 bytes", id="empty-block"),
        pytest.param("send_json(b'I', INFO)\nfor _ in range(9): send(b'A', b'ab')", "out of turn", id="tiny-blocks"),
        pytest.param("send_json(b'I', INFO); send(b'Z', b'null')", "makes no sense", id="no-end"),
        pytest.param("send_json(b'I', INFO); send(b'Z', b'{\"bad_packets\": 1e999}')", "no sense", id="bad-end"),
        pytest.param("send_json(b'I', INFO)", "exit code 0", id="no-more-word"),
    ],
)  # fmt: skip
def test_nothing_that_comes_over_the_wall_is_believed(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(DecoderFailed, match=message):
        hear(tmp_path, program)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        pytest.param("send_json(b'I', INFO | {'duration_ms': 1e300})", "claims to last", id="endless"),
        pytest.param("send_json(b'I', INFO)\nwhile True: send(b'S', b'')", "past 24 hours", id="skips-for-ever"),
    ],
)  # fmt: skip
def test_what_it_says_of_its_recording_has_limits(tmp_path: Path, program: str, message: str) -> None:
    with pytest.raises(MediaUnreadable, match=message):
        hear(tmp_path, program)


def test_text_from_over_the_wall_is_short_and_plain(tmp_path: Path) -> None:
    program = "send_json(b'I', INFO | {'container': '\\x1b[2J' + 'x' * 900}); send(b'Z', b'{\"bad_packets\": 0}')"
    with false_child(tmp_path, program) as audio:
        assert audio.info.container == "?[2J" + "x" * 36
        assert list(audio) == []
    with pytest.raises(ArchivistError) as caught:
        false_child(tmp_path, "send_json(b'E', {'code': 'STORAGE_UNAVAILABLE', 'message': 'a\\nb' * 900})")
    assert isinstance(caught.value, StorageUnavailable)
    assert caught.value.message == ("a?b" * 900)[:300]


def test_a_child_that_computes_for_ever_is_ended_by_the_kernel(tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable, match="1 s of processor time"):
        hear(tmp_path, "send_json(b'I', INFO)\nwhile True: pass", cpu_s=1)


def test_processor_time_grows_with_the_sound(tmp_path: Path) -> None:
    """A second for every ten: a recording of half a day is decoded whole, a hostile one burns no core."""
    program = """
send_json(b'I', INFO)
for _ in range(4):
    send(b'A', bytes(2 * BLOCK))
    until = time.process_time() + 0.5
    while time.process_time() < until: pass
send(b'Z', b'{"bad_packets": 0}')"""
    with false_child(tmp_path, program, cpu_s=1) as audio:
        assert sum(len(block) for block in audio) == 4 * BLOCK
        assert resource.prlimit(audio._child._process.pid, resource.RLIMIT_CPU)[0] == 5


def test_the_way_to_a_late_part_of_a_file_without_an_index_shows_signs_of_life(tmp_path: Path) -> None:
    """Such a file is decoded from its beginning; hours of that must not look like a decoder that hangs."""
    path = factory.write(tmp_path / "long.mpg", np.tile(factory.tone(10), 13))
    with media.open_audio(path, start_ms=125_000) as audio:
        kinds = [audio._child.message(10)[0] for _ in range(3)]
    assert kinds == [b"S", b"S", b"A"]
    with media.open_audio(path, start_ms=125_000) as audio:
        assert sum(len(block) for block in audio) / media.RATE == pytest.approx(5, abs=0.1)
