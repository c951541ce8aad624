"""Plain text to read: one paragraph per turn or train of thought. UTF-8, LF."""

from collections.abc import Iterator, Sequence

from archivist_captions.cue import Captions, Word
from archivist_captions.formats.clock import one_line
from archivist_captions.layout.grammar import ends_sentence

_PAUSE_MS = 2_000  # silence after a sentence that begins a paragraph
_LONG = 700  # letters after which the next sentence begins a paragraph


def write(captions: Captions) -> bytes:
    """What was said, in paragraphs; a change of speaker begins one with `>>`. From words, else from cues."""
    words = captions.words or _words_of_cues(captions)
    text = "\n\n".join(_paragraphs(words))
    return (text + "\n").encode() if text else b""


def _words_of_cues(captions: Captions) -> tuple[Word, ...]:
    return tuple(
        Word(cue.start_ms, cue.end_ms, word)
        for cue in captions.cues
        for line in cue.lines
        for word in one_line(line).split()
    )


def _paragraphs(words: Sequence[Word]) -> Iterator[str]:
    paragraph: list[str] = []
    letters = 0
    before: Word | None = None
    speaker: str | None = None
    for word in words:
        turn = before is not None and word.speaker is not None and word.speaker != speaker
        if word.speaker is not None:
            speaker = word.speaker
        rested = before is not None and ends_sentence(before.text)
        if paragraph and before is not None:
            silent = word.start_ms - before.end_ms >= _PAUSE_MS
            if turn or word.text.startswith(">>") or (rested and (silent or letters > _LONG)):
                yield " ".join(paragraph)
                paragraph, letters = [], 0
        text = one_line(word.text)
        paragraph.append(f">> {text}" if turn else text)
        letters += len(text) + 1
        before = word
    if paragraph:
        yield " ".join(paragraph)
