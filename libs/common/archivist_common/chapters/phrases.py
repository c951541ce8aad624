"""Steps of a meeting in what was said: sentences held against the rules of a language, and titles out of them. Pure.

The rules are data, a module per language in `rules/`; this is what applies them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from archivist_captions.cue import Word
from archivist_captions.layout.sentences import by_sentence

LONGEST_TITLE = 80
"""Letters of a title."""

_BREATH_MS = 700  # a pause in which a title ends where nobody wrote a full stop
_MOST_WORDS = 14  # of a title
_FEWEST_WORDS = 2


class Topic(StrEnum):
    START = "start"
    CALL_TO_ORDER = "call_to_order"
    ROLL_CALL = "roll_call"
    PLEDGE = "pledge"
    AGENDA = "agenda"
    MINUTES = "minutes"
    ITEM = "item"
    HEARING = "hearing"
    MOTION = "motion"
    COMMENT = "comment"
    REPORT = "report"
    ADJOURNMENT = "adjournment"


@dataclass(frozen=True, slots=True)
class Said:
    """A step of a meeting, when it was spoken, and the words for it."""

    start_ms: int
    kind: Topic
    title: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence in small letters without accents, with the word that each of its letters belongs to."""

    words: Sequence[Word]
    text: str
    word_at: Sequence[int]
    more: Sequence[Word]
    """The words that follow it, for a heading that is said in two breaths."""

    @property
    def start_ms(self) -> int:
        return self.words[0].start_ms

    def since(self, letter: int) -> int:
        """Index of the word at a letter, or of the first one behind the text."""
        return self.word_at[letter] if letter < len(self.word_at) else len(self.words)


def sentences(words: Sequence[Word]) -> Iterator[Sentence]:
    """The sentences of these words, those without a letter left out."""
    place = 0
    for group in by_sentence(words):
        place += len(group)
        text = ""
        word_at: list[int] = []
        for number, word in enumerate(group):
            plain = _plain(word.text)
            if plain:
                piece = f" {plain}" if text else plain
                text += piece
                word_at += [number] * len(piece)
        if text:
            yield Sentence(group, text, word_at, words[place : place + _MOST_WORDS])


def said(sentence: Sentence, language: "Language") -> Said | None:
    """The step of a meeting that a sentence is, by the first rule that fits."""
    for rule in language.rules:
        match = rule.pattern.search(sentence.text)
        if match is None or language.negated.search(sentence.text[: match.end()]):
            continue
        title = rule.title(sentence, match, language)
        if title is None:
            continue
        start = sentence.words[sentence.since(match.start())].start_ms
        return Said(start, rule.kind, _short(title, language))
    return None


def result(sentence: Sentence, language: "Language") -> str | None:
    """How a vote went, in the words spoken, where a sentence says so."""
    match = language.result.search(sentence.text)
    if match is None or language.negated.search(sentence.text):
        return None
    return _joined(sentence.words[sentence.since(match.start("what")) : sentence.since(match.end("what"))])


def lowered(text: str, language: "Language") -> str:
    """The text inside a title: an article that began a sentence is small again."""
    first, space, rest = text.partition(" ")
    return first.lower() + space + rest if first.lower() in language.small else text


Titled = Callable[[Sentence, re.Match[str], "Language"], str | None]
"""What a rule's title is made of; None when the words turn out to be none of its kind."""


@dataclass(frozen=True, slots=True)
class Rule:
    kind: Topic
    pattern: re.Pattern[str]
    title: Titled


@dataclass(frozen=True, slots=True)
class Language:
    """The rules of one language. rules: in order, the first that fits a sentence makes its chapter.

    negated: before a step that is not taken. result: how a vote went, as the group `what`. beginning: the title of
    what is before the first chapter. item: the word before an item's number. about: words between a hearing and its
    topic, after a space. trailing: words that end no title; small: those written small inside one. joining, subjects:
    "and we" ends a title; clauses: words that do after a comma; asking: words that do as the second after a comma.
    """

    rules: tuple[Rule, ...]
    negated: re.Pattern[str]
    result: re.Pattern[str]
    beginning: str
    item: str
    about: re.Pattern[str]
    trailing: frozenset[str]
    small: frozenset[str]
    joining: str
    subjects: frozenset[str]
    clauses: frozenset[str]
    asking: frozenset[str]


def rule(kind: Topic, title: Titled, *shapes: str) -> Rule:
    """A rule for sentences of any of these shapes: small letters, no accents, spaces alone between words."""
    return Rule(kind, re.compile("|".join(shapes)), title)


def says(title: str) -> Titled:
    return lambda sentence, match, language: title


def motion(word: str, joints: Mapping[str, str], otherwise: str = "") -> Titled:
    """`Motion that we deny the plow`: the word, and what is moved. joints: words between them, by its first word."""

    def titled(sentence: Sentence, match: re.Match[str], language: Language) -> str | None:
        words = _rest(sentence, sentence.since(match.start("what")), language)
        joint = joints.get(words.partition(" ")[0].lower(), otherwise)
        return f"{word} {joint} {words}" if words else None

    return titled


def from_there(sentence: Sentence, match: re.Match[str], language: Language) -> str | None:
    """The words spoken from the group `what` on."""
    return _rest(sentence, sentence.since(match.start("what")), language)


def item(sentence: Sentence, match: re.Match[str], language: Language) -> str | None:
    """`Item 4B: the variance`, of the groups `number` and `letter`."""
    number = match["number"]
    end = match.end()
    if match["letter"] and _is_article(sentence, match):
        end = match.start("letter") - 1
    elif match["letter"]:
        number = (
            f"{number} {match['letter'].upper()}"
            if not match["number"].isdigit()
            else f"{number}{match['letter'].upper()}"
        )
    topic = _rest(sentence, sentence.since(end), language, further=True)
    return f"{language.item} {number}: {lowered(topic, language)}" if topic else f"{language.item} {number}"


def _is_article(sentence: Sentence, match: re.Match[str]) -> bool:
    """Whether the letter behind an item's number is the "a" of what follows: "item 4, a new plow"."""
    word = sentence.words[sentence.since(match.start("letter"))].text
    return word == "a" and match.end("letter") < len(sentence.text)


def topic(sentence: Sentence, match: re.Match[str], language: Language) -> str | None:
    """What follows, into the next sentence where this one ends."""
    return _rest(sentence, sentence.since(match.end()), language, further=True) or None


def hearing(title: str) -> Titled:
    """The title, and what the hearing is about where that is said."""

    def titled(sentence: Sentence, match: re.Match[str], language: Language) -> str | None:
        about = language.about.match(sentence.text[match.end() :])
        words = _rest(sentence, sentence.since(match.end() + about.end() + 1), language) if about else ""
        return title + (f": {words}" if words else "")

    return titled


def spoken(sentence: Sentence, match: re.Match[str], language: Language) -> str | None:
    """The words of the group `what`."""
    return _joined(sentence.words[sentence.since(match.start("what")) : sentence.since(match.end("what"))])


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return "".join(letter if letter.isalnum() or letter == "'" else " " for letter in folded).strip().strip("'")


def _rest(sentence: Sentence, first: int, language: Language, *, further: bool = False) -> str:
    """The words from one of a sentence on, up to a pause, a new clause or the length of a title.

    further: into the next sentence where this one has no words left.
    """
    words = sentence.words[first:]
    if not words and further and sentence.more:
        gap = sentence.more[0].start_ms - sentence.words[-1].end_ms
        words = next(by_sentence(sentence.more)) if gap < 3 * _BREATH_MS else []
    taken: list[Word] = []
    for number, word in enumerate(words[:_MOST_WORDS]):
        follows = _plain(words[number + 1].text) if number + 1 < len(words) else ""
        if taken and _begins_clause(taken[-1], word, follows, language):
            return _joined(taken)
        taken.append(word)
    if len(words) > _MOST_WORDS:  # half a sentence: rather up to its last comma
        comma = next((n for n in range(len(taken), _FEWEST_WORDS, -1) if taken[n - 1].text.endswith(",")), len(taken))
        taken = taken[:comma]
    return _joined(taken)


def _begins_clause(before: Word, word: Word, follows: str, language: Language) -> bool:
    """Whether a title ends before this word: at a breath, at "and we", at ", seconded", at ", Andy would you"."""
    if word.start_ms - before.end_ms >= _BREATH_MS or (
        word.text == language.joining and follows in language.subjects
    ):
        return True
    return before.text.endswith((",", ";", ":")) and (
        _plain(word.text) in language.clauses or follows in language.asking
    )


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words).strip(' ,.;:?!-–—"“”>')


def _short(title: str, language: Language) -> str:
    """A title with a capital at most LONGEST_TITLE letters long that ends with a word that can end one."""
    words = " ".join(title.split()).split(" ")
    while len(" ".join(words)) > LONGEST_TITLE and len(words) > 1:
        words.pop()
    while len(words) > 1 and _plain(words[-1]) in language.trailing:
        words.pop()
    short = " ".join(words)[:LONGEST_TITLE].strip(" ,.;:?!-–—")
    return short[:1].upper() + short[1:]
