"""Chapters out of what was said: phrase by phrase, what is no step of a meeting, and whole meetings."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.cue import Cue, Word
from archivist_common.chapters import detection
from archivist_common.chapters.detection import LONGEST_TITLE, MOST, Chapter, Topic, valid
from archivist_common.errors import InvalidRequest

SAMPLES = Path(__file__).resolve().parents[3] / "demo" / "samples"
HOUR_MS = 3_600_000


def spoken(*sentences: str, apart_s: int = 30) -> tuple[Word, ...]:
    """Words of 300 ms, each sentence beginning so many seconds after the one before."""
    return tuple(
        Word(apart_s * 1_000 * place + 350 * number, apart_s * 1_000 * place + 350 * number + 300, text)
        for place, sentence in enumerate(sentences)
        for number, text in enumerate(sentence.split())
    )


def find(said: Sequence[Word] | Sequence[Cue]) -> tuple[Chapter, ...]:
    return detection.find(said, "en")


def titles(*sentences: str, apart_s: int = 30) -> list[str]:
    return [chapter.title for chapter in find(spoken(*sentences, apart_s=apart_s))]


@pytest.mark.parametrize(
    ("sentence", "kind", "title"),
    [
        ("I'd like to call this meeting of the city council to order.", Topic.CALL_TO_ORDER, "Call to order"),
        ("The meeting is called to order.", Topic.CALL_TO_ORDER, "Call to order"),
        ("Please rise for the Pledge of Allegiance.", Topic.PLEDGE, "Pledge of Allegiance"),
        ("I pledge allegiance to the flag of the United States of America", Topic.PLEDGE, "Pledge of Allegiance"),
        ("The clerk will please call the roll.", Topic.ROLL_CALL, "Roll call"),
        ("Can we get a roll call, please?", Topic.ROLL_CALL, "Roll call"),
        ("I'll make a motion to approve the agenda as amended.", Topic.AGENDA, "Approval of the agenda"),
        ("Is there a motion to approve tonight's agenda?", Topic.AGENDA, "Approval of the agenda"),
        ("Motion to accept the consent agenda.", Topic.AGENDA, "Consent agenda"),
        ("I move approval of the minutes of March 8th, 2022.", Topic.MINUTES, "Approval of the minutes"),
        ("Item 4 b, the Johnson variance request.", Topic.ITEM, "Item 4B: the Johnson variance request"),
        ("Item 4B is the Johnson variance request.", Topic.ITEM, "Item 4B: the Johnson variance request"),
        ("Item 9, a new plow.", Topic.ITEM, "Item 9: a new plow"),
        ("Next on the agenda is the water tower contract.", Topic.ITEM, "The water tower contract"),
        ("The next item on the agenda is item seven, the fee schedule.", Topic.ITEM, "Item seven: the fee schedule"),
        ("That brings us to item number 12.", Topic.ITEM, "Item 12"),
        ("We go to item 5 c which is the park plan and we hear from staff", Topic.ITEM, "Item 5C: the park plan"),
        ("I now open the public hearing on the pond.", Topic.HEARING, "Public hearing opened: the pond"),
        ("At this time we will open the public hearing.", Topic.HEARING, "Public hearing opened"),
        ("Seeing none, the public hearing is closed.", Topic.HEARING, "Public hearing closed"),
        ("Let's close the public hearing.", Topic.HEARING, "Public hearing closed"),
        ("I move to approve resolution 2022-14.", Topic.MOTION, "Motion to approve resolution 2022-14"),
        ("I move that we adopt the amendment.", Topic.MOTION, "Motion that we adopt the amendment"),
        ("Motion to table the report, moved by Ortiz.", Topic.MOTION, "Motion to table the report"),
        ("Motion by Vargas to deny the plow, seconded by Smith.", Topic.MOTION, "Motion by Vargas to deny the plow"),
        ("We now move to public comment.", Topic.COMMENT, "Public comment"),
        ("Public comment.", Topic.COMMENT, "Public comment"),
        ("We'll open the floor to public comment.", Topic.COMMENT, "Public comment"),
        ("Next we have the staff reports.", Topic.REPORT, "Staff reports"),
        ("Moving on to the city administrator's report.", Topic.REPORT, "City administrator's report"),
        ("I move to adjourn.", Topic.ADJOURNMENT, "Motion to adjourn"),
        ("This meeting is adjourned.", Topic.ADJOURNMENT, "Adjournment"),
        ("Okay, we stand adjourned at 8:45.", Topic.ADJOURNMENT, "Adjournment"),
    ],
)  # fmt: skip
def test_a_phrase_makes_its_chapter(sentence: str, kind: Topic, title: str) -> None:
    found = find(spoken("The council will come to order: I call the meeting to order.", "Thank you.", sentence))
    wanted = [] if kind is Topic.CALL_TO_ORDER else [Chapter(60_000, title, kind)]
    assert [(c.kind, c.title) for c in found[1:]] == [(c.kind, c.title) for c in wanted]
    assert (found[0].start_ms, found[0].kind) == (0, Topic.CALL_TO_ORDER)


@pytest.mark.parametrize(
    "sentence",
    [
        "We moved to a new building.",
        "I moved to Oakdale in 1998.",
        "I move to the right when I hear a siren.",
        "She called to order a pizza.",
        "You have three minutes to speak.",
        "Please approve an extra five minutes.",
        "The hearing was held on May sixth at city hall.",
        "We received public comment last year.",
        "As we discussed in item 4 last week.",
        "The committee report was published in May.",
        "We have not opened the public hearing.",
        "I cannot move to approve this.",
        "We will not open the public hearing tonight.",
        "There was never a motion to approve that.",
        "Slow motion to the left.",
        "There was motion in the room.",
        "The agenda is on the table.",
        "We adjourned last week.",
        "The police report says he was speeding.",
        "On a roll call vote it was five to two.",
        "Next on the agenda is lunch.",  # alone: somebody's day, no meeting
        "I pledge allegiance to the flag.",  # alone: a ball game
        "",
    ],
)
def test_what_is_no_step_of_a_meeting_makes_none(sentence: str) -> None:
    assert find(spoken("Hello.", sentence)) == ()


def test_a_vote_joins_its_motion_and_no_other() -> None:
    assert titles(
        "I call this meeting to order.",
        "I move to approve the plow.",
        "Second.",
        "Please call the roll.",
        "The motion carries unanimously.",
        "The motion passes five to two.",
    ) == ["Call to order", "Motion to approve the plow (carries unanimously)"]


def test_a_vote_on_the_minutes_does_not_go_to_an_earlier_motion() -> None:
    assert titles(
        "I move to deny the variance.", "I move to approve the minutes.", "The motion carries."
    ) == ["Motion to deny the variance", "Approval of the minutes"]  # fmt: skip


def test_a_heading_said_in_two_breaths_has_its_topic() -> None:
    words = spoken("I call the meeting to order.", "Next on the agenda is", "the park plan.", apart_s=25)
    late = [word for word in words if word.start_ms < 50_000]
    topic = [Word(w.start_ms - 22_000, w.end_ms - 22_000, w.text) for w in words if w.start_ms >= 50_000]
    assert [chapter.title for chapter in find([*late, *topic])][-1] == "The park plan"


def test_the_first_chapter_begins_at_zero() -> None:
    late = find(spoken("Welcome.", "Can you hear me?", "Then call this meeting to order."))
    assert [(chapter.start_ms, chapter.title) for chapter in late] == [(0, "Start"), (60_350, "Call to order")]
    soon = find(spoken("Welcome.", "I call this meeting to order.", apart_s=5))
    assert soon == (Chapter(0, "Call to order", Topic.CALL_TO_ORDER),)


def test_of_two_within_seconds_the_stronger_stays() -> None:
    assert titles("I move to deny the plow.", "Item 7, the pond.", apart_s=10) == ["Item 7: the pond"]
    assert titles("Item 7, the pond.", "I move to deny the plow.", apart_s=10) == ["Item 7: the pond"]


def test_two_strong_ones_stand_beside_one_another() -> None:
    assert titles("I call this meeting to order.", "Please rise for the pledge of allegiance.", apart_s=5) == [
        "Call to order",
        "Pledge of Allegiance",
    ]


def test_a_long_meeting_keeps_its_items_and_loses_motions() -> None:
    sentences = [f"Item {n}, the thing." if n % 2 else f"I move to approve thing {n}." for n in range(1, 101)]
    found = find(spoken("I call this meeting to order.", *sentences, "We are adjourned.", apart_s=120))
    assert len(found) <= MOST
    assert sum(chapter.kind is Topic.ITEM for chapter in found) == 50
    assert found[-1].kind is Topic.ADJOURNMENT


def test_titles_are_short_and_end_with_a_word_that_can_end_one() -> None:
    (_, chapter) = find(
        spoken(
            "I call this meeting to order.",
            "I move to authorize the administrator to negotiate an extraordinarily comprehensive "
            "intergovernmental agreement with the county regarding stormwater for the years ahead",
        )
    )
    assert len(chapter.title) <= LONGEST_TITLE
    assert chapter.title == "Motion to authorize the administrator to negotiate an extraordinarily"


def test_cues_give_the_chapters_that_their_words_give() -> None:
    cues = [
        Cue(1_000, 4_000, (">> I call this meeting", "to order.")),
        Cue(40_000, 42_000, ("Please rise for the pledge", "of allegiance.")),
    ]
    assert [(chapter.start_ms // 1_000, chapter.title) for chapter in find(cues)] == [
        (0, "Call to order"),
        (40, "Pledge of Allegiance"),
    ]


MEETING = """
0:04 Good evening everyone and welcome.
0:09 I'd like to call the April 12th meeting of the Birchwood City Council to order.
0:20 If you would all rise for the pledge of allegiance.
0:26 I pledge allegiance to the flag of the United States of America.
0:50 Rebecca, would you take the roll call please?
1:30 First up is approval of the agenda, is there a motion to approve the agenda?
1:38 So moved. Second. All in favor? Aye. That carries.
2:10 Next on the agenda is the open forum.
2:20 Is there anyone who wishes to speak? Good evening, my name is Tom, and I moved to Birchwood two years ago.
6:00 I'd move to approve the minutes from March 8th.
6:10 Second. All those in favor say aye.
7:00 Item 5A, the Tighe Schmitz park improvements, Andy would you walk us through it?
14:30 I'll move to authorize staff to seek bids for the park shelter.
14:40 I'll second that. Any discussion?
16:00 The motion carries four to one.
16:30 We now move on to item 5B which is the variance at 213 Wildwood Avenue.
18:00 I will open the public hearing on the variance request.
25:10 Hearing no one else, we'll close the public hearing.
31:00 I make a motion that we deny the variance.
31:20 Let's have a roll call vote. It passes unanimously.
40:00 Moving on to the city administrator's report.
45:30 Motion to adjourn. Second.
45:45 We are adjourned. Good night.
"""


def meeting() -> Iterator[Word]:
    for line in MEETING.strip().splitlines():
        clock, _, text = line.partition(" ")
        minutes, seconds = clock.split(":")
        for number, word in enumerate(text.split()):
            start = (int(minutes) * 60 + int(seconds)) * 1_000 + 300 * number
            yield Word(start, start + 250, word)


def test_a_meeting_of_an_evening_has_these_chapters() -> None:
    found = [(chapter.start_ms // 1_000, chapter.title) for chapter in find(tuple(meeting()))]
    assert found == [
        (0, "Call to order"),
        (21, "Pledge of Allegiance"),
        (50, "Roll call"),
        (90, "Approval of the agenda"),
        (130, "Public comment"),
        (360, "Approval of the minutes"),
        (420, "Item 5A: the Tighe Schmitz park improvements"),
        (870, "Motion to authorize staff to seek bids for the park shelter (carries)"),
        (990, "Item 5B: the variance at 213 Wildwood Avenue"),
        (1080, "Public hearing opened: the variance request"),
        (1511, "Public hearing closed"),
        (1860, "Motion that we deny the variance (passes unanimously)"),
        (2400, "City administrator's report"),
        (2730, "Motion to adjourn"),
    ]


def sample(name: str) -> tuple[Word, ...]:
    segments = json.loads((SAMPLES / f"{name}.json").read_text())["segments"]
    return tuple(
        Word(round(word["start"] * 1_000), round(word["end"] * 1_000), word["word"])
        for segment in segments
        for word in segment["words"]
    )


def test_the_demo_recordings_have_these_chapters() -> None:
    assert [(chapter.start_ms // 1_000, chapter.title) for chapter in find(sample("meeting-2min"))] == [
        (0, "Start"),
        (20, "Public hearing opened"),
        (30, "Call to order"),
        (39, "Pledge of Allegiance"),
        (48, "Adjournment"),
        (65, "Public hearing closed"),
        (67, "Public hearing opened"),
        (70, "Roll call"),
        (84, "Public comment"),
        (96, "Public hearing closed"),
    ]
    assert find(sample("short-20s")) == (Chapter(0, "Call to order", Topic.CALL_TO_ORDER),)
    ten = find(sample("meeting-10min"))
    assert "Motion to approve the staff report (carries)" in [chapter.title for chapter in ten]
    assert "Item 15: the sidewalk program" in [chapter.title for chapter in ten]
    valid(ten, 600_000)


PHRASES = st.sampled_from([
    "i move to approve the minutes", "call the meeting to order.", "item 4", "public hearing is closed.",
    "open the public hearing", "next on the agenda is", "the motion carries.", "motion to", "roll call", "a", "plow,",
    "we are adjourned.", "staff reports", ">>", "…", "i move to deny",
])  # fmt: skip


@given(st.lists(st.tuples(PHRASES, st.integers(0, 30_000)), max_size=60))
def test_chapters_made_here_may_always_be_published(rows: list[tuple[str, int]]) -> None:
    words: list[Word] = []
    now = 0
    for phrase, pause_ms in rows:
        for text in phrase.split():
            words.append(Word(now, now + 200, text))
            now += 200
        now += pause_ms
    found = find(words)
    valid(found, now + 1)
    assert len(found) <= MOST
    assert all(
        len(chapter.title) <= LONGEST_TITLE and chapter.title[0].upper() == chapter.title[0] for chapter in found
    )
    assert not found or found[0].start_ms == 0


@pytest.mark.parametrize(
    ("chapters", "says"),
    [
        pytest.param([Chapter(0, "")], "chapter 1: a title has 1 to 255 letters", id="no-title"),
        pytest.param([Chapter(0, "   ")], "a title has 1 to 255", id="only-spaces"),
        pytest.param([Chapter(0, "x" * 256)], "a title has 1 to 255", id="too-long"),
        pytest.param([Chapter(0, "two\nlines")], "on one line", id="two-lines"),
        pytest.param([Chapter(-1, "x")], "not within the programme", id="before-it"),
        pytest.param([Chapter(HOUR_MS, "End")], "'End': 1:00:00 is not within the programme", id="at-its-end"),
        pytest.param([Chapter(9_000, "A"), Chapter(9_000, "B")], "'B': 0:00:09 is not after 'A'", id="together"),
        pytest.param([Chapter(9_000, "A"), Chapter(9_900, "B")], "is not after", id="in-the-same-second"),
        pytest.param([Chapter(9_000, "A"), Chapter(5_000, "B")], "is not after", id="falling"),
    ],
)  # fmt: skip
def test_a_person_is_told_what_is_wrong_with_chapters(chapters: list[Chapter], says: str) -> None:
    with pytest.raises(InvalidRequest, match=says):
        valid(chapters, HOUR_MS)


def test_a_persons_chapters_may_have_long_titles_and_begin_anywhere() -> None:
    valid([Chapter(1_000, "x" * 255), Chapter(2_000, "José’s “Q&A”"), Chapter(HOUR_MS - 1, "End")], HOUR_MS)
    valid([], 0)
