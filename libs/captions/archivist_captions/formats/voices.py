"""Who speaks each line of a cue: words and cues held side by side."""

import re
from collections.abc import Iterator

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
            for told in (_MARK.sub("", line), line):  # a mark that was given is a part of its word
                letters = _letters(told)
                said = spoken[place : place + len(letters)]
                if [letter for letter, _ in said] == letters:
                    break
            if [letter for letter, _ in said] != letters:
                return {}
            lines.append(said[0][1] if said else None)
            place += len(letters)
        voices[index] = tuple(lines)
    return voices


def _letters(text: str) -> list[str]:
    """Letters to compare by: no spaces, no hyphens (a word may be cut with one), no case."""
    return [letter.upper() for letter in text if not letter.isspace() and letter != "-"]


def _with_signs(tokens: list[str]) -> Iterator[str]:
    """The tokens, a sign that opens before its word and one that closes after it, as one piece each."""
    opened = ""
    held = ""
    inside = False
    for piece in tokens:
        if piece in {">>", ">>>"} or (piece == "♪" and not inside):
            inside = inside or piece == "♪"
            opened = f"{opened} {piece}".strip()
        elif piece == "♪" and held and not opened:
            inside = False
            held = f"{held} {piece}"
        else:
            if held:
                yield held
            held, opened = f"{opened} {piece}".strip(), ""
    rest = f"{held} {opened}".strip()
    if rest:
        yield rest


def words_of(cues: tuple[Cue, ...], voices: dict[int, Voices] | None = None) -> tuple[Word, ...]:
    """The words of cues with their time shared by letters: for files that know no words.

    Marks of speakers and topics stay with the word after them, a closing note with the word before it.
    voices: who speaks each line.
    """
    words: list[Word] = []
    for index, cue in enumerate(cues):
        spoken: list[tuple[str, str | None]] = []
        for number, line in enumerate(cue.lines):
            voice = voices[index][number] if voices and index in voices else None
            spoken += ((token, voice) for token in _with_signs(line.split()))
        letters = sum(_weight(text) for text, _ in spoken)
        done = 0
        for text, speaker in spoken:
            start = cue.start_ms + (cue.end_ms - cue.start_ms) * done // letters
            done += _weight(text)
            end = cue.start_ms + (cue.end_ms - cue.start_ms) * done // letters
            words.append(Word(start, end, text, None, speaker))
    return tuple(words)


def _weight(text: str) -> int:
    """How many letters are spoken; the mark of a speaker is not."""
    return len(text.lstrip("> ")) or 1
