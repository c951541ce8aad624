"""How bad it is to break English between two words. Sources: DCMP Captioning Key ("Text"), Netflix Timed Text.

A cost of 0 is a sentence's end; costs grow with how closely the words belong together; BAN is not to be done
while any other place is left. Words of other languages fall back on punctuation alone.
"""

import re
from functools import lru_cache

BAN = 400

_SENTENCE = 0
_CLAUSE = 6  # ; : —
_COMMA = 10
_BEFORE_CONJUNCTION = 22
_BEFORE_PREPOSITION = 26
_PLAIN = 36
_MODIFIER = 80  # adjective, number or adverb of degree + what it says more of
_CLOSE = 110  # preposition + object, pronoun + verb, auxiliary + verb
_TIGHT = 140  # first and last name, the parts of a vote, "thank you"
_ARTICLE = 240  # article + noun


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ARTICLES = _set(
    """
    a an the this these those my your his her its our their every each some any no
    """
)
_CONJUNCTIONS = _set(
    """
    and but or nor so yet because although though that while when where if unless than since
    """
)
_PREPOSITIONS = _set(
    """
    of to in on at by for with from into onto about over under between among through during before
    after against within without upon per via across along around behind beyond near toward towards
    until till
    """
)
_PRONOUNS = _set(
    """
    i you he she it we they who which there
    """
)
_AUXILIARIES = _set(
    """
    am is are was were be been being have has had do does did will would shall should can could may
    might must i'm i've i'll i'd we're we've we'll we'd you're you've you'll they're they've they'll
    he's she's it's that's don't doesn't didn't won't wouldn't can't couldn't shouldn't isn't aren't
    wasn't weren't not going to
    """
) - _set("to")
# Words that close a phrase or open one: nothing before them modifies them.
_FUNCTION_WORDS = _ARTICLES | _CONJUNCTIONS | _PREPOSITIONS | _PRONOUNS | _AUXILIARIES
_DEGREES = _set("very too quite rather more most less least such")
_ADJECTIVE = re.compile(r"[a-z]{3,}(?:al|ic|ive|ous|able|ible|ary|ful|less)")  # by its ending; "approval" is one too
_SHORT_TITLES = _set("mr mrs ms dr prof rev hon sen rep gov gen col sgt capt lt st")
_TITLES = _SHORT_TITLES | _set(
    """
    mayor councilmember councilman councilwoman councillor councilor commissioner chair chairman
    chairwoman supervisor director chief officer judge president vice deputy senator representative
    governor superintendent trustee alderman clerk
    """
)
_ABBREVIATIONS = _SHORT_TITLES | _set("vs inc ltd blvd rd jr sr dept est fig sec vol a.m p.m")
# What a number is said before.
_COUNTED = _set(
    """
    percent million billion thousand hundred dollars dollar cents feet foot miles mile acres acre
    years year days day months month weeks week hours hour minutes minute p.m a.m pm am votes vote
    people units
    """
)
_NUMBER_WORDS = _set(
    """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
    thousand million billion
    """
)
# What a number is said after.
_NUMBERED = _set(
    """
    number no item items ordinance resolution section sec chapter district ward article bill page
    room measure proposition route highway phase title exhibit agenda january february march april
    may june july august september october november december motion lot parcel case fiscal
    """
)
_EDGE = "\"'“”‘’()[]{}«».,;:!?…—-♪"
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*$")
_INITIAL = re.compile(r"(?:[A-Za-z]\.)+$")
_DAY = re.compile(r"\d{1,2},")
_YEAR = re.compile(r"\d{4}\b")
_NUMBER = re.compile(r"[$£€#]?\d")


def _is_number(word: str) -> bool:
    """Whether it is a number in digits or in words; `word` in lower case without punctuation."""
    return word.split("-")[0] in _NUMBER_WORDS or _NUMBER.match(word) is not None


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends here; `Dr.`, `U.S.` and `J.` do not end one."""
    if not _SENTENCE_END.search(word):
        return False
    stripped = word.rstrip("\"'”’)]")
    if stripped.endswith("."):
        core = stripped.strip(_EDGE).lower()
        return core not in _ABBREVIATIONS and not _INITIAL.fullmatch(stripped.lstrip("\"'“‘(["))
    return True


@lru_cache(maxsize=65_536)
def break_cost(before: str, after: str) -> int:
    """Cost of a row or caption ending with `before` when `after` is next: 0 (a sentence ends) to BAN."""
    if after.startswith((">>", "[", "♪")) or before.endswith(("]", "♪")):
        return _SENTENCE
    before = before.rpartition(" ")[2]  # without the mark of a speaker
    left, right = before.strip(_EDGE).lower(), after.strip(_EDGE).lower()
    if left in {"no", "nos", "sec"} and _NUMBER.match(after):
        return BAN
    if ends_sentence(before):
        return _SENTENCE
    if left in _TITLES and after.strip(_EDGE)[:1].isupper() and not before.endswith(","):
        return BAN
    if _INITIAL.fullmatch(before):
        return BAN
    if before[-1:] not in ",;:" and _is_number(left) and (right in _COUNTED or _is_number(right)):
        return BAN
    if _DAY.fullmatch(before) and _YEAR.match(after):
        return BAN
    if left in _NUMBERED and _NUMBER.match(after):
        return BAN
    if before.endswith((";", ":", "—", "-")):
        return _CLAUSE
    if before.endswith(","):
        return _COMMA
    if left in _ARTICLES:
        return _ARTICLE
    if (left == "to" and _is_number(right)) or (_is_number(left) and right == "to"):
        return _TIGHT
    if before[:1].isupper() and after[:1].isupper() and right not in _PRONOUNS and left not in _PRONOUNS:
        return _TIGHT
    if left == "thank" and right == "you":
        return _TIGHT
    if left in _CONJUNCTIONS or left in _PREPOSITIONS or left in _AUXILIARIES:
        return _CLOSE
    if left in _PRONOUNS:
        return _CLOSE
    if right in _CONJUNCTIONS:
        return _BEFORE_CONJUNCTION
    if right in _PREPOSITIONS:
        return _BEFORE_PREPOSITION
    return _MODIFIER if _modifies(left, right) else _PLAIN


def _modifies(left: str, right: str) -> bool:
    """Whether the first word says more of the second. Both in lower case without punctuation. By form alone."""
    if right in _FUNCTION_WORDS:
        return False
    return left in _DEGREES or _is_number(left) or _ADJECTIVE.fullmatch(left) is not None
