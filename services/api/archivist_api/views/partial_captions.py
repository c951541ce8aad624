"""Captions of a recording that is still being transcribed: laid out without bridging chunks that are missing."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.formats import FORMATS
from archivist_captions.layout.layout import layout
from archivist_captions.layout.masking import mask
from archivist_captions.profiles import Profile
from archivist_common.errors import InvalidRequest
from archivist_common.jobs import chunks, planning
from archivist_common.jobs.chunks import ChunkTranscript, Cut

_AT_ONCE = 2  # layouts; four hours of words take a core for a second or two
_WHOLE_ONLY = frozenset({"scc"})  # released only once our own decoder has read the whole file back

Transcripts = Sequence[tuple[Cut, ChunkTranscript]]
"""Transcribed chunks in the order of the recording."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far captions are complete. chunks: in all, None while the recording is still being split."""

    until_ms: int
    completed: int
    chunks: int | None


class PartialCaptions:
    """Lays out in threads, a few at a time. profile, masked: as the finished captions will have them."""

    def __init__(self, profile: Profile, masked: Collection[str]) -> None:
        self._profile = profile
        self._masked = masked
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def write(self, format_name: str, transcripts: Transcripts, language: str, title: str) -> bytes:
        """A caption file of these chunks. language: where there are none.

        Raises InvalidRequest for a format that is only written whole.
        """
        if format_name in _WHOLE_ONLY:
            raise InvalidRequest(f"there is no partial {format_name} file; request json, vtt, srt, txt, ttml or sami")
        if transcripts:
            language = transcripts[0][0].language
        async with self._free:
            return await asyncio.to_thread(self._write, format_name, transcripts, language, title)

    def text(self, words: str) -> str:
        """The words of one chunk as an event carries them."""
        spoken = [Word(0, 0, word) for word in words.split()]
        return " ".join(word.text for word in mask(spoken, self._masked).words)

    def _write(self, format_name: str, transcripts: Transcripts, language: str, title: str) -> bytes:
        captions = lay_out(transcripts, self._profile, self._masked)
        return FORMATS[format_name].write(replace(captions, language=language, title=title))


async def completed(session: AsyncSession, job_id: UUID) -> tuple[Transcripts, Extent]:
    """The chunks of a job that are transcribed, and how far they reach."""
    transcripts = await chunks.transcripts(session, job_id)
    progress = await chunks.progress(session, job_id)
    plan = await planning.plan(session, job_id)
    return transcripts, Extent(until_ms(transcripts), len(transcripts), None if plan is None else progress.chunks)


def lay_out(transcripts: Transcripts, profile: Profile, masked: Collection[str]) -> Captions:
    """Captions of chunks; adjacent ones are laid out together, and no cue reaches over a gap."""
    words: list[Word] = []
    cues: list[Cue] = []
    for run in runs(transcripts):
        begins_ms = run[0][0].start_ms
        if cues and cues[-1].end_ms > begins_ms > cues[-1].start_ms:
            cues[-1] = replace(cues[-1], end_ms=begins_ms)
        spoken = mask([word for _, transcript in run for word in transcript.words], masked).words
        cues.extend(layout(spoken, profile))
        words.extend(spoken)
    return Captions(tuple(cues), tuple(words))


def runs(transcripts: Transcripts) -> Iterator[Transcripts]:
    """Stretches of adjacent chunks."""
    first = 0
    for index in range(1, len(transcripts) + 1):
        if index == len(transcripts) or transcripts[index][0].number != transcripts[index - 1][0].number + 1:
            yield transcripts[first:index]
            first = index


def until_ms(transcripts: Transcripts) -> int:
    """Up to where everything is transcribed, from the start of the recording."""
    first = next(runs(transcripts), ()) if transcripts else ()
    return first[-1][0].end_ms if first and first[0][0].number == 0 else 0
