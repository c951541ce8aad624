"""Who speaks each line of a cue: words and cues held side by side."""

import re

from archivist_captions.cue import Captions, Cue, Word

_MARK = re.compile(r"^>>>?(?:\s+[^a-z:]+:)?\s+")  # `>> ` and `>> MAYOR LOPEZ: `

Voices = tuple[str | None, ...]  # one a line


def voices_of(captions: Captions) -> dict[int, Voices]:
    """For each cue (by index) whose words are known, the speaker of the first word of each line.

    Empty when no word has a speaker, or when words and cues do not tell the same text.
    """
    if not any(word.speaker is not None for word in captions.words):
        return {}
    spoken = [(letter, word.speaker) for word in captions.words for letter in _letters(word.text)]
    place = 0
    voices: dict[int, Voices] = {}
    for index, cue in enumerate(captions.cues):
        lines: list[str | None] = []
        for line in cue.lines:
            letters = _letters(_MARK.sub("", line))
            said = spoken[place : place + len(letters)]
            if [letter for letter, _ in said] != letters:
                return {}
            lines.append(said[0][1] if said else None)
            place += len(letters)
        voices[index] = tuple(lines)
    return voices


def _letters(text: str) -> list[str]:
    """Letters to compare by: no spaces, no hyphens (a word may be cut with one), no case."""
    return [letter.upper() for letter in text if not letter.isspace() and letter != "-"]


def words_of(cues: tuple[Cue, ...], voices: dict[int, Voices] | None = None) -> tuple[Word, ...]:
    """The words of cues with their time shared by letters: for files that know no words. `>>` is left out.

    voices: who speaks each line; a line that begins with `>>` is somebody else's all the same.
    """
    words: list[Word] = []
    turn = 0
    for index, cue in enumerate(cues):
        spoken: list[tuple[str, str | None]] = []
        for number, line in enumerate(cue.lines):
            voice = voices[index][number] if voices and index in voices else None
            for token in line.split():
                if token in {">>", ">>>"}:
                    turn += 1
                    continue
                speaker = voice if voice is not None else (f"turn {turn}" if turn else None)
                spoken.append((token, speaker))
        letters = sum(len(text) for text, _ in spoken)
        done = 0
        for text, speaker in spoken:
            start = cue.start_ms + (cue.end_ms - cue.start_ms) * done // letters
            done += len(text)
            end = cue.start_ms + (cue.end_ms - cue.start_ms) * done // letters
            words.append(Word(start, end, text, None, speaker))
    return tuple(words)
