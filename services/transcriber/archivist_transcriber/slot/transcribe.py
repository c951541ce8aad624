"""What a slot does with a recording's sound: find the speech and cut it (`plan`), and hear one chunk (`hear`).

No database, no clock of ours. A chunk is decoded by itself, from its own start, whoever hears it and whatever was
heard before: its words are the same on every try.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any, Protocol

import numpy as np

from archivist_captions.cue import Word
from archivist_common.errors import Cancelled, SourceChanged
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.states import Stage
from archivist_common.storage.client import StorageServer
from archivist_common.storage.fingerprint import snapshot
from archivist_common.storage.mounts import open_present
from archivist_common.storage.safe_open import open_beneath
from archivist_transcriber.audio import media, vad
from archivist_transcriber.audio.media import AudioStream, MediaInfo
from archivist_transcriber.audio.vad import Piece, Samples
from archivist_transcriber.engines import Engine, Options
from archivist_transcriber.protocol import ChunkWork, Planned, PlanWork, RecordingFile


class Tell(Protocol):
    """Told how far the work is: milliseconds done of the audio in hand, and of the recording where that is known."""

    def __call__(self, stage: Stage, done_ms: int, audio_ms: int | None = None, /) -> None: ...


_PER_MS = vad.RATE // 1000  # samples


@contextmanager
def opened(servers: Mapping[str, StorageServer], recording: RecordingFile) -> Iterator[int]:
    """A descriptor of the recording, opened beneath its mount.

    One that was only touched since (another time, the same size, head and tail) is the same: Windows shares write
    a file's time late. Raises SourceChanged when it is not what was submitted any more, StorageUnavailable when it
    is the mount that is missing: that may come back.
    """
    server = servers.get(recording.storage)
    if server is None:
        raise SourceChanged(f"storage server {recording.storage!r} is not configured on this machine")
    there = open_present(server.path, server.kind, server.name)
    try:
        source = open_beneath(there.fd, PurePosixPath(recording.path))
    finally:
        os.close(there.fd)
    try:
        found = os.fstat(source)
        untouched = (found.st_size, found.st_mtime_ns) == (recording.size_bytes, recording.mtime_ns)
        if not untouched and snapshot(source).fingerprint != recording.fingerprint:
            raise SourceChanged(
                f"the recording has changed since it was submitted ({recording.size_bytes} bytes then, "
                f"{found.st_size} now); submit it again"
            )
        yield source
    finally:
        os.close(source)


def plan(
    work: PlanWork, engine: Engine, source: int, deadline_s: float, on_cut: Callable[[Cut], None], tell: Tell,
    stop: Callable[[], bool],
) -> Planned:  # fmt: skip
    """Cut a recording in its pauses, in one pass over its sound. on_cut: given each chunk as it is found.

    Cuts that stand already are kept, and not given again. Raises MediaError for a recording that cannot be
    captioned, Cancelled when `stop` says so.
    """
    language = work.language
    silent: list[Cut] = []  # chunks without speech, until the language is known
    end_ms = 0
    tell(Stage.PROBE, 0)
    with media.open_audio(source, work.recording.audio_track, deadline_s=deadline_s) as audio:
        tell(Stage.SPEECH, 0, audio.info.duration_ms or None)
        for number, piece in enumerate(vad.pieces(audio, cuts=work.ends_ms)):
            end_ms = piece.end_ms
            if language is None and piece.speech:
                language = engine.detect_language(piece)[0]
            if number >= len(work.ends_ms) and piece.end_ms > piece.start_ms:
                silent.append(Cut(number, piece.start_ms, piece.end_ms, piece.speech, language or "en"))
                if language is not None:
                    _give(silent, language, on_cut)
            tell(Stage.SPEECH, end_ms)
            if stop():
                raise Cancelled("somebody asked for this")
        language = language or "en"
        _give(silent, language, on_cut)
        return Planned(max(end_ms, audio.info.duration_ms), language, _facts(audio.info, audio, work.recording))


def transcribe(
    work: ChunkWork, engine: Engine, source: int, deadline_s: float, tell: Tell, stop: Callable[[], bool]
) -> ChunkTranscript:
    """The words of one chunk. Raises MediaError, EngineError, and Cancelled when `stop` says so."""
    cut = work.cut
    if not cut.speech:
        return ChunkTranscript((), 0, 0)
    track = work.recording.audio_track
    with media.open_audio(source, track, start_ms=cut.start_ms, end_ms=cut.end_ms, deadline_s=deadline_s) as audio:
        samples = _exactly(np.concatenate([np.zeros(0, np.float32), *audio]), (cut.end_ms - cut.start_ms) * _PER_MS)
        bad_packets = audio.bad_packets
    piece = Piece(cut.start_ms, samples, cut.speech)
    words: list[Word] = []
    unheard: list[tuple[int, int]] = []
    dropped = 0
    for heard in engine.words(piece, Options(language=cut.language, sparing=work.careful)):
        words.extend(heard.words)
        unheard.extend(heard.unheard)
        dropped += heard.dropped
        tell(Stage.TRANSCRIBE, min(heard.done_ms, cut.end_ms) - cut.start_ms)
        if stop():
            raise Cancelled("somebody asked for this")
    return ChunkTranscript(tuple(words), dropped, bad_packets, tuple(unheard))


def _give(cuts: list[Cut], language: str, on_cut: Callable[[Cut], None]) -> None:
    for cut in cuts:
        on_cut(Cut(cut.number, cut.start_ms, cut.end_ms, cut.speech, language))
    cuts.clear()


def _exactly(samples: Samples, count: int) -> Samples:
    """So many samples: a stream may end some milliseconds before its clock says."""
    return samples[:count] if len(samples) >= count else np.pad(samples, (0, count - len(samples)))


def _facts(info: MediaInfo, audio: AudioStream, recording: RecordingFile) -> dict[str, Any]:
    video = info.video
    return {
        "container": info.container,
        "duration_ms": info.duration_ms,
        "audio_tracks": [asdict(track) for track in info.audio],
        "audio_track_used": info.default_track if recording.audio_track is None else recording.audio_track,
        "video": None
        if video is None
        else {
            "codec": video.codec,
            "width": video.width,
            "height": video.height,
            "frame_rate": None if video.frame_rate is None else str(video.frame_rate),
        },
        "start_timecode": info.timecode,
    }
