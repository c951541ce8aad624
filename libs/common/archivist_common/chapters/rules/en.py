"""What people say in English who conduct a meeting, and what a chapter of it is called. Data. Pure."""

import re

from archivist_common.chapters.phrases import (
    Language,
    Topic,
    from_there,
    hearing,
    item,
    motion,
    rule,
    says,
    spoken,
    topic,
)

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
_WENT = r"(?:next|now|moving|move|go|going|turn|on|brings us|takes us|bring us|get|proceed)"
_REPORTED = (
    r"(?:mayor|council|councilmember|staff|committee|commission|administrator|manager|attorney|engineer|treasurer|"
    r"clerk|police|sheriff|fire|department|public works|planning|finance|superintendent|board|chair|member|budget)"
)

_APPROVED = r"\b(?:approv(?:e|al|ing|es)|adopt(?:ion|ing)?|accept(?:ance|ing)?)(?: of)?"
_OURS = r"(?:the|our|tonight's|this|today's|items on|everything on|amended|regular|meeting|proposed)"
_COMMENT = (
    r"(?:public comments?|(?:open|public) forum|citizens? (?:comments?|forum)|visitors|comments from the public)"
)
_BEGUN = r"(?:okay |and |so |all right |alright |then |now |next |next is |next up is |next up |the next )"

# In order: the first rule that fits a sentence makes its chapter.
_RULES = (
    rule(
        Topic.CALL_TO_ORDER,
        says("Call to order"),
        r"\bcall(?:ing|ed)?(?: [\w']+){0,9} to order\b(?! (?:a|an|some|more|the|it|them)\b)",
    ),
    rule(
        Topic.PLEDGE,
        says("Pledge of Allegiance"),
        r"\bpledge of allegiance\b",
        r"\bi pledge allegiance\b",
        r"\b(?:rise|stand)(?: \w+){0,3} for the pledge\b",
    ),
    rule(Topic.ADJOURNMENT, says("Motion to adjourn"), r"\b(?:motion|move) (?:to|that we|we) adjourn\b"),
    rule(
        Topic.ADJOURNMENT,
        says("Adjournment"),
        r"\b(?:is|are|we're|stands?)(?: now| hereby)? adjourned\b",
        r"\b(?:i|i'll|we|we'll|will|hereby) (?:now |hereby )?adjourn (?:this|the|tonight's)\b",
        r"^adjourn(?:ed|ment)?$",
    ),
    rule(
        Topic.ROLL_CALL,
        says("Roll call"),
        r"\bcall the roll\b",
        r"\btak(?:e|ing)(?: the)? roll(?: call)?\b",
        r"\broll call\b(?! votes?\b)",
    ),
    rule(
        Topic.AGENDA,
        says("Consent agenda"),
        rf"{_APPROVED}(?: {_OURS}){{0,3}} consent (?:agenda|calendar|items)\b",
        r"^(?:the )?consent (?:agenda|calendar)$",
    ),
    rule(Topic.AGENDA, says("Approval of the agenda"), rf"{_APPROVED}(?: {_OURS}){{0,3}} agenda\b"),
    rule(
        Topic.MINUTES,
        says("Approval of the minutes"),
        rf"{_APPROVED}(?: (?!(?:more|extra|additional|another|{_NUMBER})\b)[\w']+){{0,6}} minutes\b"
        r"(?! (?:to|each|late|ago)\b)",
    ),
    rule(
        Topic.HEARING,
        hearing("Public hearing opened"),
        r"\b(?:open|opening|reopen)(?: (?:up|the|this|our|that|a)){0,2} public hearing\b",
        r"\bpublic hearing is(?: now| hereby)? open(?:ed)?\b",
    ),
    rule(
        Topic.HEARING,
        hearing("Public hearing closed"),
        r"\b(?:close|closing)(?: (?:the|this|our|that)){0,2} public hearing\b",
        r"\bpublic hearing is(?: now| hereby)? closed\b",
    ),
    rule(
        Topic.ITEM,
        item,
        rf"(?:^{_BEGUN}?|\bnext (?:agenda )?item(?: on (?:the|our|tonight's) agenda)? is "
        rf"|\b(?:move|moving|go|going|on|brings us|takes us|bring us|back|proceed) to )"
        rf"(?:the )?(?:(?:agenda )?item (?:number |no )?|number (?=\d))(?P<number>{_NUMBER})"
        rf"(?: ?(?P<letter>[a-h]))?\b(?:(?: which)? is\b| on (?:the|our) agenda(?: is)?\b)?",
    ),
    rule(
        Topic.COMMENT,
        says("Public comment"),
        rf"\b{_WENT}(?: [\w']+){{0,4}} (?:to|for|is|have) (?:the |our )?{_COMMENT}\b",
        rf"\bopen(?: up)? the (?:floor|meeting|podium) (?:to|for) (?:the public|{_COMMENT})\b",
        r"\bopen(?:ing)? (?:the )?public comment\b",
        rf"^{_COMMENT}$",
        r"\bpublic comment (?:period )?is(?: now)? open\b",
    ),
    rule(
        Topic.REPORT,
        spoken,
        rf"(?:^{_BEGUN}?|\b{_WENT}(?: (?:is|to|we|have|with|the|our|up|us|we'll|hear|from|for)){{0,5}} )"
        rf"(?P<what>(?:city |town |school |village )?{_REPORTED}(?:'s|s)?(?: (?:and|\w+'s|{_REPORTED}s?)){{0,3}} "
        r"(?:reports?|updates?))\b(?= ?$| (?:from|by|on|and)\b)",
    ),
    rule(
        Topic.ITEM,
        topic,
        r"\bnext (?:item |thing |matter |order of business )?(?:that )?(?:we have )?(?:up )?"
        r"on (?:the|our|tonight's|this) agenda(?: tonight| this evening)?(?: is| we have| will be|'s)\b",
        r"\bnext (?:agenda item|order of business)(?: is| will be|'s)\b",
        r"\bnext item is\b",
    ),
    rule(
        Topic.MOTION,
        motion("Motion", {"we": "that"}),
        rf"\bi(?:'d| would| will|'ll)?(?: like to)?(?: so)? move (?P<what>to {_ACT}\b|that (?:we|the|this)\b"
        rf"|we {_ACT}\b|(?:for )?(?:the )?(?:approval|adoption|acceptance|denial)\b|resolution\b|ordinance\b|staff)",
    ),
    rule(
        Topic.MOTION,
        motion("Motion", {"we": "that"}),
        rf"\bmotion (?P<what>to {_ACT}\b|for (?:the )?(?:approval|adoption|denial)\b|that we {_ACT}\b)",
    ),
    rule(
        Topic.MOTION,
        from_there,
        rf"\b(?P<what>motion (?:was |is )?(?:made )?by [\w' ]+? (?:to {_ACT}|passe[sd]|carrie[sd]|fail(?:s|ed))\b)",
    ),
)

ENGLISH = Language(
    rules=_RULES,
    negated=re.compile(r"\b(?:not|never|cannot|can't|won't|don't|didn't|isn't|wasn't|without)\b"),
    result=re.compile(
        r"\b(?:motion|item|resolution|ordinance|amendment|it)(?: (?:by|to|has|is|the|as|amended|also)\b)*"
        r"(?: [\w']+){0,4}? "
        r"(?P<what>(?:carrie[sd]|passe[sd]|fail(?:s|ed)|is (?:approved|adopted|denied|defeated|tabled))\b"
        rf"(?: unanimously| {_NUMBER} (?:to|-) (?:{_NUMBER}|zero|nothing|none)| \d+ \d+)?)"
    ),
    beginning="Start",
    item="Item",
    about=re.compile(r" (?:on|for|regarding|concerning|about|to consider)\b"),
    trailing=frozenset(
        {
            "a",
            "an",
            "and",
            "as",
            "at",
            "be",
            "but",
            "by",
            "for",
            "from",
            "her",
            "his",
            "i",
            "if",
            "in",
            "is",
            "it",
            "its",
            "of",
            "on",
            "or",
            "our",
            "so",
            "than",
            "that",
            "the",
            "their",
            "this",
            "to",
            "was",
            "we",
            "were",
            "which",
            "who",
            "with",
            "you",
            "are",
        }
    ),
    small=frozenset({"the", "a", "an", "this", "is", "passes", "carries"}),
    joining="and",
    subjects=frozenset({"i", "we", "i'll", "we'll", "he", "she", "it", "they", "you", "there", "then", "staff"}),
    clauses=frozenset(
        {"moved", "seconded", "second", "which", "because", "but", "so", "i", "if", "would", "any", "do", "is", "are"}
    ),
    asking=frozenset({"would", "could", "can", "will", "please"}),
)
