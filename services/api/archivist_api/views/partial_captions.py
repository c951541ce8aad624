"""Captions of a recording that is still being heard: what is known of it, laid out without bridging what is not."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.formats import FORMATS
from archivist_captions.layout.layout import layout
from archivist_captions.layout.masking import mask
from archivist_captions.profiles import Profile
from archivist_common.errors import InvalidRequest
from archivist_common.jobs.chunks import ChunkTranscript, Cut

_AT_ONCE = 2  # layouts; four hours of words take a core for a second or two
_WHOLE_ONLY = frozenset({"scc"})  # released only once our own decoder has read the whole file back

Heard = Sequence[tuple[Cut, ChunkTranscript]]
"""Chunks in the order of the recording."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How far captions are complete. chunks: in all, None while the recording is still being cut."""

    until_ms: int
    heard: int
    chunks: int | None


class PartialCaptions:
    """Lays out in threads, a few at a time. profile, masked: as the finished captions will have them."""

    def __init__(self, profile: Profile, masked: Collection[str]) -> None:
        self._profile = profile
        self._masked = masked
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def write(self, format_name: str, heard: Heard, language: str, title: str) -> bytes:
        """A caption file of what was heard. Raises InvalidRequest for a format that is made whole or not at all."""
        if format_name in _WHOLE_ONLY:
            raise InvalidRequest(
                f"a partial {format_name} file is not made; ask for json, vtt, srt, txt, ttml or sami"
            )
        async with self._places:
            return await asyncio.to_thread(self._write, format_name, heard, language, title)

    def text(self, words: str) -> str:
        """Words as an event tells them."""
        spoken = [Word(0, 0, word) for word in words.split()]
        return " ".join(word.text for word in mask(spoken, self._masked).words)

    def _write(self, format_name: str, heard: Heard, language: str, title: str) -> bytes:
        captions = lay_out(heard, self._profile, self._masked)
        return FORMATS[format_name].write(replace(captions, language=language, title=title))


def lay_out(heard: Heard, profile: Profile, masked: Collection[str]) -> Captions:
    """Captions of chunks, those without one missing between them together: no cue reaches over a gap."""
    words: list[Word] = []
    cues: list[Cue] = []
    for run in runs(heard):
        begins_ms = run[0][0].start_ms
        if cues and cues[-1].end_ms > begins_ms > cues[-1].start_ms:
            cues[-1] = replace(cues[-1], end_ms=begins_ms)
        spoken = mask([word for _, hearing in run for word in hearing.words], masked).words
        cues.extend(layout(spoken, profile))
        words.extend(spoken)
    return Captions(tuple(cues), tuple(words))


def runs(heard: Heard) -> Iterator[Heard]:
    """Chunks in stretches without a hole."""
    first = 0
    for index in range(1, len(heard) + 1):
        if index == len(heard) or heard[index][0].number != heard[index - 1][0].number + 1:
            yield heard[first:index]
            first = index


def until_ms(heard: Heard) -> int:
    """Up to where everything was heard, from the start of the recording."""
    first = next(runs(heard), ()) if heard else ()
    return first[-1][0].end_ms if first and first[0][0].number == 0 else 0
