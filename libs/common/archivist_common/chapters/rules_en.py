"""What people say who conduct a meeting, and what it is called: the rules of chapter detection in English. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
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
    """One sentence as plain text in lower case, with the word that each of its letters belongs to."""

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


def said(sentence: Sentence) -> Said | None:
    """The step of a meeting that a sentence is, by the first rule that fits."""
    for kind, pattern, titled in _RULES:
        match = pattern.search(sentence.text)
        if match is None or _NEGATED.search(sentence.text[: match.end()]):
            continue
        title = titled(sentence, match)
        if title is None:
            continue
        start = sentence.words[sentence.since(match.start())].start_ms
        return Said(start, kind, _short(title))
    return None


def result(sentence: Sentence) -> str | None:
    """How a vote went, in the words spoken, where a sentence says so."""
    match = _RESULT.search(sentence.text)
    if match is None or _NEGATED.search(sentence.text):
        return None
    return _joined(sentence.words[sentence.since(match.start("what")) : sentence.since(match.end("what"))])


def lowered(text: str) -> str:
    """The text inside a title: an article that began a sentence is small again."""
    first, space, rest = text.partition(" ")
    return (
        first.lower() + space + rest
        if first.lower() in {"the", "a", "an", "this", "is", "passes", "carries"}
        else text
    )


Titled = Callable[[Sentence, re.Match[str]], str | None]
"""What a rule's title is made of; None when the words turn out to be none of its kind."""

_NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_NUMBER = rf"(?:\d+|{'|'.join(_NUMBERS.split())})"
_ACTS = (
    "accept adjourn adopt amend appoint approve authorize award cancel close continue declare decline delay delete "
    "deny designate direct dismiss extend forward grant hire include introduce nominate open order pass postpone "
    "purchase ratify receive recess recommend reconsider refer reject release remove rescind send set strike support "
    "suspend table terminate uphold waive withdraw"
)
_ACT = rf"(?:{'|'.join(_ACTS.split())})"
_NEGATED = re.compile(r"\b(?:not|never|cannot|can't|won't|don't|didn't|isn't|wasn't|without)\b")
_WENT = r"(?:next|now|moving|move|go|going|turn|on|brings us|takes us|bring us|get|proceed)"
_REPORTED = (
    r"(?:mayor|council|councilmember|staff|committee|commission|administrator|manager|attorney|engineer|treasurer|"
    r"clerk|police|sheriff|fire|department|public works|planning|finance|superintendent|board|chair|member|budget)"
)


def _says(title: str) -> Titled:
    return lambda sentence, match: title


def _motion(sentence: Sentence, match: re.Match[str]) -> str | None:
    words = _rest(sentence, sentence.since(match.start("what")))
    return f"Motion {'that ' if words.startswith('we ') else ''}{words}" if words else None


def _motion_by(sentence: Sentence, match: re.Match[str]) -> str | None:
    return _rest(sentence, sentence.since(match.start("what")))


def _item(sentence: Sentence, match: re.Match[str]) -> str | None:
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
    topic = _rest(sentence, sentence.since(end), further=True)
    return f"Item {number}: {lowered(topic)}" if topic else f"Item {number}"


def _is_article(sentence: Sentence, match: re.Match[str]) -> bool:
    """Whether the letter behind an item's number is the "a" of what follows: "item 4, a new plow"."""
    word = sentence.words[sentence.since(match.start("letter"))].text
    return word == "a" and match.end("letter") < len(sentence.text)


def _topic(sentence: Sentence, match: re.Match[str]) -> str | None:
    return _rest(sentence, sentence.since(match.end()), further=True) or None


def _hearing(state: str) -> Titled:
    def titled(sentence: Sentence, match: re.Match[str]) -> str | None:
        about = re.match(r" (?:on|for|regarding|concerning|about|to consider)\b", sentence.text[match.end() :])
        topic = _rest(sentence, sentence.since(match.end() + about.end() + 1)) if about else ""
        return f"Public hearing {state}" + (f": {topic}" if topic else "")

    return titled


def _spoken(sentence: Sentence, match: re.Match[str]) -> str | None:
    first, last = sentence.since(match.start("what")), sentence.since(match.end("what"))
    return _joined(sentence.words[first:last])


def _rule(kind: Topic, titled: Titled, *shapes: str) -> tuple[Topic, re.Pattern[str], Titled]:
    return kind, re.compile("|".join(shapes)), titled


_APPROVED = r"\b(?:approv(?:e|al|ing|es)|adopt(?:ion|ing)?|accept(?:ance|ing)?)(?: of)?"
_OURS = r"(?:the|our|tonight's|this|today's|items on|everything on|amended|regular|meeting|proposed)"
_COMMENT = (
    r"(?:public comments?|(?:open|public) forum|citizens? (?:comments?|forum)|visitors|comments from the public)"
)
_BEGUN = r"(?:okay |and |so |all right |alright |then |now |next |next is |next up is |next up |the next )"

# In order: the first rule that fits a sentence makes its chapter.
_RULES = (
    _rule(
        Topic.CALL_TO_ORDER,
        _says("Call to order"),
        r"\bcall(?:ing|ed)?(?: [\w']+){0,9} to order\b(?! (?:a|an|some|more|the|it|them)\b)",
    ),
    _rule(
        Topic.PLEDGE,
        _says("Pledge of Allegiance"),
        r"\bpledge of allegiance\b",
        r"\bi pledge allegiance\b",
        r"\b(?:rise|stand)(?: \w+){0,3} for the pledge\b",
    ),
    _rule(Topic.ADJOURNMENT, _says("Motion to adjourn"), r"\b(?:motion|move) (?:to|that we|we) adjourn\b"),
    _rule(
        Topic.ADJOURNMENT,
        _says("Adjournment"),
        r"\b(?:is|are|we're|stands?)(?: now| hereby)? adjourned\b",
        r"\b(?:i|i'll|we|we'll|will|hereby) (?:now |hereby )?adjourn (?:this|the|tonight's)\b",
        r"^adjourn(?:ed|ment)?$",
    ),
    _rule(
        Topic.ROLL_CALL,
        _says("Roll call"),
        r"\bcall the roll\b",
        r"\btak(?:e|ing)(?: the)? roll(?: call)?\b",
        r"\broll call\b(?! votes?\b)",
    ),
    _rule(
        Topic.AGENDA,
        _says("Consent agenda"),
        rf"{_APPROVED}(?: {_OURS}){{0,3}} consent (?:agenda|calendar|items)\b",
        r"^(?:the )?consent (?:agenda|calendar)$",
    ),
    _rule(Topic.AGENDA, _says("Approval of the agenda"), rf"{_APPROVED}(?: {_OURS}){{0,3}} agenda\b"),
    _rule(
        Topic.MINUTES,
        _says("Approval of the minutes"),
        rf"{_APPROVED}(?: (?!(?:more|extra|additional|another|{_NUMBER})\b)[\w']+){{0,6}} minutes\b"
        r"(?! (?:to|each|late|ago)\b)",
    ),
    _rule(
        Topic.HEARING,
        _hearing("opened"),
        r"\b(?:open|opening|reopen)(?: (?:up|the|this|our|that|a)){0,2} public hearing\b",
        r"\bpublic hearing is(?: now| hereby)? open(?:ed)?\b",
    ),
    _rule(
        Topic.HEARING,
        _hearing("closed"),
        r"\b(?:close|closing)(?: (?:the|this|our|that)){0,2} public hearing\b",
        r"\bpublic hearing is(?: now| hereby)? closed\b",
    ),
    _rule(
        Topic.ITEM,
        _item,
        rf"(?:^{_BEGUN}?|\bnext (?:agenda )?item(?: on (?:the|our|tonight's) agenda)? is "
        rf"|\b(?:move|moving|go|going|on|brings us|takes us|bring us|back|proceed) to )"
        rf"(?:the )?(?:(?:agenda )?item (?:number |no )?|number (?=\d))(?P<number>{_NUMBER})"
        rf"(?: ?(?P<letter>[a-h]))?\b(?:(?: which)? is\b| on (?:the|our) agenda(?: is)?\b)?",
    ),
    _rule(
        Topic.COMMENT,
        _says("Public comment"),
        rf"\b{_WENT}(?: [\w']+){{0,4}} (?:to|for|is|have) (?:the |our )?{_COMMENT}\b",
        rf"\bopen(?: up)? the (?:floor|meeting|podium) (?:to|for) (?:the public|{_COMMENT})\b",
        r"\bopen(?:ing)? (?:the )?public comment\b",
        rf"^{_COMMENT}$",
        r"\bpublic comment (?:period )?is(?: now)? open\b",
    ),
    _rule(
        Topic.REPORT,
        _spoken,
        rf"(?:^{_BEGUN}?|\b{_WENT}(?: (?:is|to|we|have|with|the|our|up|us|we'll|hear|from|for)){{0,5}} )"
        rf"(?P<what>(?:city |town |school |village )?{_REPORTED}(?:'s|s)?(?: (?:and|\w+'s|{_REPORTED}s?)){{0,3}} "
        r"(?:reports?|updates?))\b(?= ?$| (?:from|by|on|and)\b)",
    ),
    _rule(
        Topic.ITEM,
        _topic,
        r"\bnext (?:item |thing |matter |order of business )?(?:that )?(?:we have )?(?:up )?"
        r"on (?:the|our|tonight's|this) agenda(?: tonight| this evening)?(?: is| we have| will be|'s)\b",
        r"\bnext (?:agenda item|order of business)(?: is| will be|'s)\b",
        r"\bnext item is\b",
    ),
    _rule(
        Topic.MOTION,
        _motion,
        rf"\bi(?:'d| would| will|'ll)?(?: like to)?(?: so)? move (?P<what>to {_ACT}\b|that (?:we|the|this)\b"
        rf"|we {_ACT}\b|(?:for )?(?:the )?(?:approval|adoption|acceptance|denial)\b|resolution\b|ordinance\b|staff)",
    ),
    _rule(
        Topic.MOTION,
        _motion,
        rf"\bmotion (?P<what>to {_ACT}\b|for (?:the )?(?:approval|adoption|denial)\b|that we {_ACT}\b)",
    ),
    _rule(
        Topic.MOTION,
        _motion_by,
        rf"\b(?P<what>motion (?:was |is )?(?:made )?by [\w' ]+? (?:to {_ACT}|passe[sd]|carrie[sd]|fail(?:s|ed))\b)",
    ),
)

_RESULT = re.compile(
    r"\b(?:motion|item|resolution|ordinance|amendment|it)(?: (?:by|to|has|is|the|as|amended|also)\b)*"
    r"(?: [\w']+){0,4}? "
    r"(?P<what>(?:carrie[sd]|passe[sd]|fail(?:s|ed)|is (?:approved|adopted|denied|defeated|tabled))\b"
    rf"(?: unanimously| {_NUMBER} (?:to|-) (?:{_NUMBER}|zero|nothing|none)| \d+ \d+)?)"
)
_TRAILING = frozenset({
    "a", "an", "and", "as", "at", "be", "but", "by", "for", "from", "her", "his", "i", "if", "in", "is", "it", "its",
    "of", "on", "or", "our", "so", "than", "that", "the", "their", "this", "to", "was", "we", "were", "which", "who",
    "with", "you", "are",
})  # fmt: skip
_SMALL = frozenset({"the", "a", "an", "this", "is", "passes", "passed", "carries", "carried", "fails", "failed"})
_SUBJECTS = frozenset({"i", "we", "i'll", "we'll", "he", "she", "it", "they", "you", "there", "then", "staff"})
_CLAUSES = frozenset(
    {"moved", "seconded", "second", "which", "because", "but", "so", "i", "if", "would", "any", "do", "is", "are"}
)
_ASKING = frozenset({"would", "could", "can", "will", "please"})


def _plain(text: str) -> str:
    folded = text.casefold().replace("’", "'")
    return "".join(letter if letter.isalnum() or letter == "'" else " " for letter in folded).strip().strip("'")


def _rest(sentence: Sentence, first: int, *, further: bool = False) -> str:
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
        if taken and _begins_clause(taken[-1], word, follows):
            return _joined(taken)
        taken.append(word)
    if len(words) > _MOST_WORDS:  # half a sentence: rather up to its last comma
        comma = next((n for n in range(len(taken), _FEWEST_WORDS, -1) if taken[n - 1].text.endswith(",")), len(taken))
        taken = taken[:comma]
    return _joined(taken)


def _begins_clause(before: Word, word: Word, follows: str) -> bool:
    """Whether a title ends before this word: at a breath, at "and we", at ", seconded", at ", Andy would you"."""
    if word.start_ms - before.end_ms >= _BREATH_MS or (word.text == "and" and follows in _SUBJECTS):
        return True
    return before.text.endswith((",", ";", ":")) and (_plain(word.text) in _CLAUSES or follows in _ASKING)


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words).strip(' ,.;:?!-–—"“”>')


def _short(title: str) -> str:
    """A title with a capital at most LONGEST_TITLE letters long that ends with a word that can end one."""
    words = " ".join(title.split()).split(" ")
    while len(" ".join(words)) > LONGEST_TITLE and len(words) > 1:
        words.pop()
    while len(words) > 1 and _plain(words[-1]) in _TRAILING:
        words.pop()
    short = " ".join(words)[:LONGEST_TITLE].strip(" ,.;:?!-–—")
    return short[:1].upper() + short[1:]
