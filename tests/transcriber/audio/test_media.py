"""Recordings as they come: containers, clocks, tracks, and files that are broken or mean harm."""

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests import media_factory as factory

from archivist_common.errors import (
    ArchivistError,
    DecoderFailed,
    FileMissing,
    MediaUnreadable,
    NoAudioTrack,
    SourceChanged,
    StorageUnavailable,
)
from archivist_transcriber.audio import media

CLICKS = [1.0, 3.5, 7.0, 11.0]  # seconds
FRAME = 0.03  # seconds; what the delay of a codec without an edit list may shift


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def clicks() -> np.ndarray:
    return factory.clicks(12, CLICKS)


def heard(path: Path, track: int | None = None, **limits: int) -> np.ndarray:
    with media.open_audio(path, track, **limits) as audio:
        return np.concatenate([*audio, np.zeros(0, np.float32)])


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.ogg", "a.webm", "a.aac"])
def test_sound_is_where_it_was_recorded(folder: Path, clicks: np.ndarray, name: str) -> None:
    sound = heard(factory.write(folder / name, clicks))
    assert factory.click_times(sound) == pytest.approx(CLICKS, abs=FRAME)
    assert len(sound) / media.RATE == pytest.approx(12, abs=0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".mpg", ".mxf", ".avi"])
def test_sound_beside_a_picture_is_where_it_was_recorded(folder: Path, clicks: np.ndarray, suffix: str) -> None:
    path = factory.write(folder / f"video{suffix}", clicks, video=12)
    info = media.probe(path)
    assert info.video is not None
    assert info.video.frame_rate == factory.NTSC
    assert info.duration_ms == pytest.approx(12_000, abs=60)
    assert factory.click_times(heard(path)) == pytest.approx(CLICKS, abs=FRAME)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts"])
def test_time_zero_is_the_first_picture(folder: Path, clicks: np.ndarray, suffix: str) -> None:
    late = factory.write(folder / f"late{suffix}", factory.Track(clicks, start=2.0), video=14)
    early = factory.write(folder / f"early{suffix}", clicks, video=11, video_start=0.5)
    assert factory.click_times(heard(late)) == pytest.approx([t + 2 for t in CLICKS], abs=0.015)
    assert factory.click_times(heard(early)) == pytest.approx([t - 0.5 for t in CLICKS], abs=0.015)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_hole_in_the_sound_is_silence_and_moves_nothing(folder: Path, clicks: np.ndarray, suffix: str) -> None:
    path = factory.write(folder / f"gap{suffix}", factory.Track(clicks, gap=(4, 6)), video=12)
    sound = heard(path)
    assert factory.click_times(sound) == pytest.approx(CLICKS, abs=0.015)
    assert not sound[5 * media.RATE : int(5.9 * media.RATE)].any()


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".mp4", ".mkv", ".ts", ".mxf", ".ogg"])
def test_a_part_of_a_recording_is_the_same_as_in_the_whole(folder: Path, clicks: np.ndarray, suffix: str) -> None:
    video = 12 if suffix in {".mp4", ".mkv", ".ts", ".mxf"} else None
    path = folder / (f"video{suffix}" if video else f"a{suffix}")
    path = path if path.exists() else factory.write(path, clicks, video=video)
    whole, part = heard(path), heard(path, start_ms=6_500, end_ms=8_000)
    assert len(part) == 1.5 * media.RATE
    assert factory.click_times(part) == pytest.approx(
        [t - 6.5 for t in factory.click_times(whole) if 6.5 < t < 8], abs=0.002
    )


def test_blocks_are_short_whatever_the_length(folder: Path) -> None:
    path = factory.write(folder / "long.flac", np.tile(factory.sample(seconds=20), 6))
    with media.open_audio(path) as audio:
        sizes = [len(block) for block in audio]
    assert sum(sizes) == 120 * media.RATE
    assert max(sizes) <= 10 * media.RATE


def test_tracks_are_chosen_by_number_and_have_a_language(folder: Path) -> None:
    tracks = [factory.Track(factory.tone(2, hertz), language) for hertz, language in [(440, "eng"), (880, "spa")]]
    path = factory.write(folder / "tracks.mp4", *tracks, video=2)
    assert [track.language for track in media.probe(path).audio] == ["eng", "spa"]
    assert [_hertz(heard(path, n)) for n in (0, 1)] == [440, 880]
    assert _hertz(heard(path)) == 440
    with pytest.raises(NoAudioTrack, match=r"audio track 2 .* 2 tracks"):
        media.open_audio(path, 2)


@pytest.mark.parametrize("channels", [2, 6, 16])
def test_channels_are_mixed_to_one(folder: Path, channels: int) -> None:
    path = factory.write(
        folder / f"channels{channels}.wav", factory.Track(factory.tone(2), channels=channels), rate=48_000
    )
    sound = heard(path)
    assert media.probe(path).audio[0].channels == channels
    assert _hertz(sound) == 440
    assert 0.1 < np.abs(sound).max() <= 1.0


def _hertz(sound: np.ndarray) -> int:
    return round(float(np.argmax(np.abs(np.fft.rfft(sound)))) * media.RATE / len(sound) / 10) * 10


@pytest.mark.parametrize(
    "name", ["O'Brien & Søn [3].wav", "🎥.wav", "two\nlines.wav", "-rf.wav", "%d.wav", "a:b?.wav"]
)
def test_a_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    path = factory.write(tmp_path / "plain.wav", factory.tone(1)).rename(tmp_path / name)
    assert len(heard(path)) == media.RATE


def test_an_open_descriptor_is_read_whatever_its_position_and_stays_open(folder: Path, clicks: np.ndarray) -> None:
    path = factory.write(folder / "descriptor.wav", clicks)
    with path.open("rb") as file:
        file.seek(1_000)
        assert media.probe(file.fileno()).duration_ms == 12_000
        assert file.tell() == 1_000


def test_recorder_timecode_is_read_when_it_looks_like_one(folder: Path) -> None:
    good = factory.write(folder / "tc.mkv", factory.tone(1), video=1, metadata={"timecode": "01:00:00;00"})
    bad = factory.write(folder / "tc-bad.mkv", factory.tone(1), video=1, metadata={"timecode": "<script>"})
    assert media.probe(good).timecode == "01:00:00;00"
    assert media.probe(bad).timecode is None


# Bad input


def _zero_bytes(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def _text(path: Path) -> Path:
    path.write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nThis is not a recording.\n" * 50)
    return path


def _noise(path: Path) -> Path:
    path.write_bytes(np.random.default_rng(1).bytes(200_000))
    return path


def _truncated(path: Path) -> Path:
    whole = factory.write(path.with_name("whole.mp4"), factory.tone(6), video=6).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def _truncated_faststart(path: Path) -> Path:
    whole = factory.write(path.with_name("fast.mp4"), factory.tone(6), video=6, options={"movflags": "faststart"})
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    return path


def _playlist(path: Path) -> Path:
    factory.write(path.with_name("secret.ts"), factory.tone(4))
    path.write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{path.with_name('secret.ts')}\n#EXT-X-ENDLIST\n"
    )
    return path


def _concat(path: Path) -> Path:
    path.write_text(f"ffconcat version 1.0\nfile '{factory.SAMPLES / 'short-20s.flac'}'\n")
    return path


def _png(path: Path) -> Path:
    path.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6300010000050001"
            "0d0a2db40000000049454e44ae426082"
        )
    )
    return path


def _empty_wav(path: Path) -> Path:
    return factory.write(path.with_suffix(".wav"), factory.silence(0)).rename(path)


def _cut_wav(path: Path) -> Path:
    whole = factory.write(path.with_name("whole.wav"), factory.tone(30)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def _day_long_wav(path: Path) -> Path:
    data = 8 * 3600 * 30  # bytes at 8 bytes a second: 30 hours
    head = b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8, 8, 1, 8)
    with path.open("wb") as file:
        file.write(head + b"data" + struct.pack("<I", data))
        file.truncate(44 + data)
    return path


def _many_streams(path: Path) -> Path:
    return factory.write(path.with_suffix(".mkv"), *[factory.tone(0.1)] * 33).rename(path)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(_zero_bytes, "0 bytes", id="zero-bytes"),
        pytest.param(_text, "no recording|not a readable", id="text-renamed"),
        pytest.param(_noise, "not a readable|could be decoded|no recording", id="noise"),
        pytest.param(_truncated, "not a readable", id="mp4-without-its-end"),
        pytest.param(_truncated_faststart, "cut off", id="mp4-index-first-without-its-end"),
        pytest.param(_cut_wav, "cut off", id="wav-cut-off"),
        pytest.param(_playlist, "no recording|not a readable", id="hls-playlist-to-a-file"),
        pytest.param(_concat, "no recording|not a readable", id="concat-list-to-a-file"),
        pytest.param(_png, "no recording|not a readable", id="picture"),
        pytest.param(_empty_wav, "no sample", id="wav-of-no-samples"),
        pytest.param(_day_long_wav, "Hz|hours", id="thirty-hours"),
        pytest.param(_many_streams, "33 streams", id="many-streams"),
        pytest.param(_folder, "regular file", id="folder"),
        pytest.param(_fifo, "regular file", id="fifo"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_sentence(tmp_path: Path, make, message: str) -> None:
    path = make(tmp_path / "recording.mp4")
    began = time.monotonic()
    with pytest.raises(MediaUnreadable, match=message):
        heard(path)
    assert time.monotonic() - began < 10


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        media.probe(tmp_path / "nothing.mp4")


def test_a_silent_film_has_no_audio_track(tmp_path: Path) -> None:
    with pytest.raises(NoAudioTrack, match=r"among 1 stream$"):
        media.probe(factory.write(tmp_path / "film.mp4", video=2))


def test_silence_is_sound(tmp_path: Path) -> None:
    sound = heard(factory.write(tmp_path / "silent.mp4", factory.silence(3), video=3))
    assert len(sound) / media.RATE == pytest.approx(3, abs=0.05)
    assert not sound.any()


def test_an_audio_track_of_no_samples_beside_a_picture_is_heard_as_nothing(tmp_path: Path) -> None:
    path = factory.write(tmp_path / "empty.mkv", factory.silence(0), video=3)
    assert media.probe(path).duration_ms == pytest.approx(3_000, abs=50)
    assert len(heard(path)) == 0


def test_damaged_packets_become_silence_and_are_counted(tmp_path: Path) -> None:
    path = factory.write(tmp_path / "damaged.m4a", factory.sample(seconds=20))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3_000] = np.random.default_rng(1).bytes(3_000)
    path.write_bytes(data)
    with media.open_audio(path) as audio:
        total = sum(len(block) for block in audio)
        assert audio.bad_packets > 0
    assert total / media.RATE == pytest.approx(20, abs=0.5)


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = factory.write(tmp_path / "changing.flac", factory.tone(30))
    with media.open_audio(path) as audio:
        os.utime(path, (1, 1))
        with pytest.raises(SourceChanged):
            list(audio)


# The child


def test_the_child_dies_with_the_stream(folder: Path) -> None:
    path = factory.write(folder / "closing.flac", np.tile(factory.tone(20), 30))
    with media.open_audio(path) as audio:
        pid = audio._child._process.pid
        next(iter(audio))
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_that_hangs_is_a_storage_that_does_not_answer(folder: Path) -> None:
    path = factory.write(folder / "hanging.flac", np.tile(factory.tone(20), 30))
    with media.open_audio(path, deadline_s=3) as audio:
        os.kill(audio._child._process.pid, signal.SIGSTOP)
        with pytest.raises(StorageUnavailable, match="for 3 s"):
            list(audio)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT], ids=lambda n: n.name)
def test_a_child_that_crashes_is_a_failure_of_the_decoder(folder: Path, number: signal.Signals) -> None:
    path = factory.write(folder / "crashing.flac", np.tile(factory.tone(20), 30))
    with media.open_audio(path) as audio:
        os.kill(audio._child._process.pid, number)
        with pytest.raises(DecoderFailed, match=f"killed by {number.name}"):
            list(audio)


def test_a_child_that_wants_too_much_memory_is_stopped(folder: Path) -> None:
    path = factory.write(folder / "hungry.flac", factory.tone(5))
    with pytest.raises(MediaUnreadable):
        media.probe(path, memory_bytes=1 << 20)


def test_errors_name_a_code_of_the_tree(tmp_path: Path) -> None:
    with pytest.raises(ArchivistError) as caught:
        media.probe(_text(tmp_path / "a.mp4"))
    assert caught.value.code == "MEDIA_UNREADABLE"
    assert not caught.value.retryable


def test_streams_of_several_threads_do_not_disturb_one_another(folder: Path, clicks: np.ndarray) -> None:
    path = factory.write(folder / "threads.flac", clicks)
    results: list[list[float]] = []
    threads = [threading.Thread(target=lambda: results.append(factory.click_times(heard(path)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [pytest.approx(CLICKS, abs=0.01)] * 3


def test_the_child_dies_with_its_parent(folder: Path) -> None:
    path = factory.write(folder / "orphan.flac", np.tile(factory.tone(20), 30))
    program = f"""
import time
from pathlib import Path
from archivist_transcriber.audio import media
audio = media.open_audio(Path({str(path)!r}))
print(audio._child._process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    until = time.monotonic() + 10
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
