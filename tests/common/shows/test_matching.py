"""Which show a recording belongs to: two hundred names against an archive, and each rule by itself."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.common.shows.show_catalogue import catalogue
from tests.common.shows.show_names import NAMES
from tests.common.shows.station import STATION, learnt_from

from archivist_common.shows.bodies import NONE, Bodies
from archivist_common.shows.matching import (
    Ambiguous,
    Candidate,
    Evidence,
    Match,
    Nothing,
    Verdict,
    decide,
    match,
    prepare,
    rank,
    score,
)
from archivist_common.shows.recording_names import read

WITH_SHOW = 145
"""Names that have a show."""
COUNCIL = Candidate(
    17837, "Birchwood City Council", "Birchwood City Council Meeting", date(2022, 4, 12), length_s=5_400
)


def verdict(name: str, *shows: Candidate, key: str = "", length_s: int | None = None) -> Verdict:
    return match(read(name), length_s, key, shows, STATION)


def linked(answer: Verdict) -> int | None:
    return answer.show.candidate.id if isinstance(answer, Match) else None


def kinds(name: str, show: Candidate, **also: str) -> list[Evidence]:
    return [reason.kind for reason in score(read(name), None, also.get("key", ""), show, STATION).reasons]


def found_and_wrong(bodies: Bodies) -> tuple[list[str], list[str]]:
    """Names that have a show and are linked to it, and names linked to another one."""
    shows = [prepare(show, bodies) for show in catalogue()]
    answers = [(name, wanted, linked(match(read(name), None, "", shows, bodies))) for name, wanted in NAMES]
    found = [name for name, wanted, got in answers if wanted is not None and got == wanted]
    return found, [name for name, wanted, got in answers if got is not None and got != wanted]


def test_the_catalogue_is_long_and_its_names_are_many() -> None:
    with_show = [name for name, wanted in NAMES if wanted is not None]
    assert len(catalogue()) >= 1_200
    assert len(dict(NAMES)) >= 200
    assert len(with_show) == WITH_SHOW
    assert len(NAMES) - len(with_show) >= 40


@pytest.mark.parametrize(
    ("bodies", "least"),
    [
        pytest.param(STATION, WITH_SHOW, id="of-the-settings"),
        pytest.param(learnt_from(catalogue()), WITH_SHOW, id="learnt-from-the-shows"),
        pytest.param(NONE, 135, id="none"),
    ],
)
def test_names_find_their_shows_and_none_a_wrong_one(bodies: Bodies, least: int) -> None:
    found, wrong = found_and_wrong(bodies)
    assert wrong == []
    assert len(found) >= least


def test_a_show_is_found_among_twenty_two_thousand() -> None:
    """How long it takes is measured by `archivist bench matching`."""
    few = catalogue()
    bodies = learnt_from(few)
    shows = [prepare(replace(show, id=show.id + 100_000 * copy), bodies) for copy in range(16) for show in few]
    assert len(shows) >= 22_000
    ranked = rank(read("20453-1-Birchwood City Council (20220412).mp4"), 5_400, "arc-1", shows, bodies)
    assert ranked[0].candidate.id == 20453


def test_the_reasons_are_words_a_clerk_understands() -> None:
    name = read("17837-1-Birchwood City Council (20220412).mp4")
    texts = [reason.text for reason in score(name, 5_410, "", COUNCIL, STATION).reasons]
    assert texts == [
        "number 17837 stands in the file name",
        "title agrees: Birchwood City Council",
        "date agrees: 12 April 2022",
        "length agrees within 30 s",
    ]
    grant = replace(
        COUNCIL, id=4, title="Grant City Council", cg_title=None, event_date=date(2022, 4, 5), length_s=60
    )
    texts = [reason.text for reason in score(name, 5_410, "", grant, STATION).reasons]
    assert texts == [
        "the file name has the number 17837",
        "the show's title is a different body: Grant",
        "date differs by 7 days: 5 April 2022",
        "length differs: 1 min, the recording has 90 min",
    ]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("17837-1-Birchwood City Council.mp4", id="title"),
        pytest.param("17837-1-Birchwood Council Me.mp4", id="cut-title"),
        pytest.param("17837-1-Birchwood City Council (20220413).mp4", id="date-but-for-a-day"),
        pytest.param("17837-(4_12_22).mp4", id="date-alone"),
        pytest.param("17837-Birchwood - 4_12.mp4", id="day-without-year"),
    ],
)
def test_a_number_counts_where_something_agrees(name: str) -> None:
    assert linked(verdict(name, COUNCIL)) == 17837


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("17837-1.mp4", id="nothing-agrees"),
        pytest.param("17837-1-Grant City Council (20220412).mp4", id="another-body"),
        pytest.param("17837-1-Birchwood City Council (20220419).mp4", id="a-week-off"),
        pytest.param("17837-1-Birchwood Planning Commission (20220412).mp4", id="another-group"),
        pytest.param("17837-1-White Bear Lake City.mp4", id="cut-name-of-another-body"),
    ],
)
def test_a_number_that_is_contradicted_waits_for_a_person(name: str) -> None:
    answer = verdict(name, COUNCIL)
    assert isinstance(answer, Ambiguous) or name == "17837-1.mp4"
    assert linked(answer) is None


def test_a_show_with_a_contradicted_number_is_not_passed_over_for_a_better_looking_one() -> None:
    other = replace(COUNCIL, id=9, event_date=date(2022, 4, 19))
    answer = verdict("17837-1-Birchwood City Council (20220419).mp4", COUNCIL, other)
    assert isinstance(answer, Ambiguous)
    assert {show.candidate.id for show in answer.suggestions} == {17837, 9}


def test_a_number_nobody_has_is_not_replaced_by_title_and_date() -> None:
    assert linked(verdict("555-1-Birchwood City Council (20220412).mp4", COUNCIL)) is None


def test_a_number_whose_show_fits_less_well_than_another_waits() -> None:
    workshop = replace(COUNCIL, id=9, title="Birchwood City Council Workshop", cg_title=None)
    answer = verdict("17837-1-Birchwood City Council Workshop (20220412).mp4", COUNCIL, workshop)
    assert isinstance(answer, Ambiguous)
    assert linked(verdict("17837-1-Birchwood City Council Workshop (20220412).mp4", COUNCIL)) == 17837


def test_our_own_key_names_the_show() -> None:
    ours = replace(COUNCIL, id=5, title="Untitled", cg_title=None, local_id="arc-9f2")
    assert linked(verdict("Whatever.mp4", ours, COUNCIL, key="arc-9f2")) is None  # its title is another one
    assert linked(verdict("Birchwood City Council.mp4", replace(ours, title=None), COUNCIL, key="arc-9f2")) == 5


def test_an_empty_key_is_nobodys() -> None:
    assert kinds("x.mp4", replace(COUNCIL, local_id="")) == [Evidence.TITLE_OTHER]


def test_the_file_on_a_reel_names_the_show_in_any_case_of_letters() -> None:
    bound = Candidate(6, "Birchwood", files=("D:\\Content\\BIRCHWOOD-0412.MP4",))
    assert linked(verdict("birchwood-0412.mp4", bound, COUNCIL)) == 6


def test_the_same_file_on_reels_of_two_shows_waits() -> None:
    one, two = (Candidate(number, "Birchwood", files=("b.mp4",)) for number in (6, 7))
    answer = verdict("b.mp4", one, two)
    assert isinstance(answer, Ambiguous)
    assert len(answer.suggestions) == 2


def test_number_and_file_of_different_shows_wait() -> None:
    bound = replace(COUNCIL, id=6, files=("17837-1-birchwood city council.mp4",))
    assert isinstance(verdict("17837-1-Birchwood City Council.mp4", COUNCIL, bound), Ambiguous)


def test_title_and_day_together_link_the_one_show_that_has_both() -> None:
    later = replace(COUNCIL, id=9, event_date=date(2022, 4, 19))
    assert linked(verdict("Birchwood City Council 4_12_22.mp4", COUNCIL, later)) == 17837


def test_a_day_that_can_be_read_in_two_ways_does_not_link() -> None:
    show = Candidate(1, "Birchwood City Council", event_date=date(2012, 10, 11))
    answer = verdict("Birchwood City Council 101112.mp4", show)
    assert isinstance(answer, Ambiguous)
    assert answer.suggestions[0].has(Evidence.DATE_PARTLY)
    assert linked(verdict("1-Birchwood City Council 101112.mp4", show)) == 1


def test_a_show_without_a_title_on_the_day_is_for_a_person_to_look_at() -> None:
    show = Candidate(1, None, event_date=date(2022, 4, 12))
    assert isinstance(verdict("Birchwood City Council 4_12_22.mp4", show), Ambiguous)


def test_a_title_alone_never_links() -> None:
    answer = verdict("Birchwood City Council.mp4", COUNCIL)
    assert isinstance(answer, Ambiguous)
    assert answer.suggestions[0].candidate is COUNCIL


def test_two_that_are_alike_wait_even_where_one_has_the_length() -> None:
    twin = replace(COUNCIL, id=9, length_s=60)
    assert isinstance(verdict("Birchwood City Council 4_12_22.mp4", COUNCIL, twin, length_s=5_400), Ambiguous)


def test_a_special_meeting_is_not_the_regular_one_of_that_day() -> None:
    answer = verdict("Birchwood City Council Special Meeting 4_12_22.mp4", COUNCIL)
    assert isinstance(answer, Ambiguous)
    assert answer.suggestions[0].has(Evidence.OCCASION_OTHER)


def test_nothing_fits_a_name_that_says_another_week() -> None:
    answer = verdict("Birchwood City Council 5_17_22.mp4", COUNCIL)
    assert isinstance(answer, Nothing)
    assert verdict("Birchwood City Council 5_17_22.mp4") == Nothing(())
    assert decide([]) == Nothing(())


@pytest.mark.parametrize("title", [None, "", "   "])
def test_shows_without_titles_neither_agree_nor_contradict(title: str | None) -> None:
    bare = Candidate(17837, title, title, date(2022, 4, 12))
    assert kinds("17837-1-Birchwood City Council (20220412).mp4", bare) == [Evidence.NUMBER, Evidence.DATE]


@pytest.mark.parametrize(
    ("name", "title", "kind"),
    [
        ("White Bear City Council.mp4", "White Bear Lake City Council", Evidence.TITLE),
        ("White Bear City Council.mp4", "White Bear Township Council", Evidence.TITLE_OTHER),
        ("WBL Council.mp4", "White Bear Lake City Council", Evidence.TITLE),
        ("White Bear Lake Board.mp4", "White Bear Township Board", Evidence.TITLE_OTHER),
        ("WBT Board.mp4", "White Bear Town Board", Evidence.TITLE),
        ("18-White Bear Townshi.mp4", "White Bear Township Board", Evidence.TITLE),
        ("18-White Bear Lake Ci.mp4", "White Bear Township Board", Evidence.TITLE_OTHER),
        ("North St. Paul Council.mp4", "North Saint Paul City Council", Evidence.TITLE),
        ("lake_elmo_planning_comittee.mp4", "Lake Elmo Planning Commission", Evidence.TITLE),
        ("Mahtomdi Counicl.mp4", "Mahtomedi City Council Meeting", Evidence.TITLE),
        ("Grant and Dellwood Joint Council.mp4", "Joint: Dellwood/Grant Councils", Evidence.TITLE),
        ("Dellwood Council.mp4", "Dellwood and Grant Council", Evidence.TITLE_PARTLY),
        ("Oakdale Work Session Council.mp4", "Oakdale City Council Workshop", Evidence.TITLE),
        ("Shortest Marathon.mp4", "City Council", Evidence.TITLE_OTHER),
        ("18-Oakdale City Council.mp4", "Oakdale Planning Commission", Evidence.TITLE_OTHER),
        ("Oakdale Council Meeting Tues 7pm.mp4", "Oakdale City Council", Evidence.TITLE),
    ],
)
def test_titles_are_compared_as_people_read_them(name: str, title: str, kind: Evidence) -> None:
    found = kinds(name, Candidate(1, title))
    assert [one for one in found if one in {Evidence.TITLE, Evidence.TITLE_PARTLY, Evidence.TITLE_OTHER}] == [kind]


def test_a_channel_names_the_city_that_a_council_title_leaves_out() -> None:
    show = Candidate(1, "City Council Meeting", place="Grant")
    assert Evidence.TITLE in kinds("Grant City Council.mp4", show)
    assert Evidence.TITLE_OTHER in kinds("Birchwood City Council.mp4", show)
    race = "White Bear Lake Shortest Marathon"
    assert Evidence.TITLE in kinds(f"{race}.mp4", Candidate(1, race, place="Birchwood"))


def test_other_stations_bring_their_own_bodies() -> None:
    bodies = Bodies({"Harbor": ("Harbor", "HRB"), "Hill": ("St. Hill’s",)})
    show = Candidate(1, "Harbor Council")
    assert score(read("HRB council.mp4"), None, "", show, bodies).has(Evidence.TITLE)
    assert score(read("Saint Hills council.mp4"), None, "", show, bodies).has(Evidence.TITLE_OTHER)


def test_two_places_that_nobody_has_told_us_of_are_not_one() -> None:
    grant = Candidate(18101, "Grant City Council", event_date=date(2021, 2, 2))
    name = read("18101-1-Birchwood City Council (20210202).mp4")
    assert score(name, None, "", grant, NONE).has(Evidence.TITLE_OTHER)
    assert linked(match(name, None, "", [grant], NONE)) is None


def test_a_public_title_that_agrees_outweighs_a_short_one_for_the_staff() -> None:
    show = replace(COUNCIL, title="HC 0412 master")
    assert Evidence.TITLE in kinds("Birchwood City Council Meeting 4_12_22.mp4", show)
    assert Evidence.TITLE_OTHER in kinds("Grant City Council 4_12_22.mp4", show)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Sable Pt Village Board.mp4", "Sable Point Village Board of Trustees"),
        ("Ashgrove Selectboard.mp4", "Ashgrove Board of Selectmen"),
        ("OakdaleCityCouncil.mp4", "Oakdale City Council"),
        ("Oakdale BOE.mp4", "Oakdale Board of Education"),
        ("Oakdale School Committee.mp4", "Oakdale School District Board of Education"),
        ("Oakdale Env Comm.mp4", "Oakdale Environmental Commission"),
        ("Oakdale P&Z.mp4", "Oakdale Planning"),
        ("Oakdale CC.mp4", "Oakdale City Council"),
    ],
)
def test_general_short_forms_hold_at_any_station(name: str, title: str) -> None:
    assert score(read(name), None, "", Candidate(1, title), NONE).has(Evidence.TITLE)


def test_a_word_of_a_place_is_not_corrected_into_another() -> None:
    """`Point` was taken for a misspelt `Joint`."""
    point = Candidate(1, "Sable Point Village Board")
    assert not score(read("Sable Point Village Board.mp4"), None, "", point, NONE).has(Evidence.OCCASION_OTHER)
    assert score(read("Sable Joint Village Board.mp4"), None, "", point, NONE).has(Evidence.OCCASION_OTHER)


def test_a_day_in_the_title_is_believed_before_the_event_date() -> None:
    show = Candidate(1, "Harbor Council 2021-06-30", event_date=date(2021, 7, 6))
    assert Evidence.DATE in kinds("Harbor Council 6_30_21.mp4", show)
    assert Evidence.DATE_OTHER in kinds("Harbor Council 7_6_21.mp4", show)


def test_an_event_date_that_may_be_the_day_of_making_does_not_contradict_its_neighbours() -> None:
    made = replace(COUNCIL, created=COUNCIL.event_date)
    assert Evidence.DATE_UNSURE in kinds("17837-1-Birchwood City Council (20220415).mp4", made)
    assert linked(verdict("17837-1-Birchwood City Council (20220415).mp4", made)) == 17837
    assert linked(verdict("17837-1-Birchwood City Council (20220415).mp4", COUNCIL)) is None
    assert Evidence.DATE_OTHER in kinds("17837-1-Birchwood City Council (20220419).mp4", made)


@given(
    st.text(max_size=40),
    st.lists(st.tuples(st.none() | st.text(max_size=30), st.none() | st.dates()), max_size=5),
    st.none() | st.integers(0, 20_000),
)
def test_any_name_and_any_titles_give_a_verdict_with_points_from_0_to_100(
    name: str, rows: Sequence[tuple[str | None, date | None]], length_s: int | None
) -> None:
    shows = [Candidate(number, title, None, day, length_s=length_s) for number, (title, day) in enumerate(rows)]
    for show in shows:
        assert 0 <= score(read(name), length_s, "k", show, STATION).score <= 100
    answer = match(read(name), length_s, "k", shows, STATION)
    ids = [one.candidate.id for one in ([answer.show] if isinstance(answer, Match) else answer.suggestions)]
    assert len(ids) == len(set(ids))


def test_an_exact_twin_never_links() -> None:
    for show in catalogue()[::40]:
        twin = replace(show, id=99_000)
        day = show.event_date
        assert day is not None
        assert linked(verdict(f"{show.title} {day:%m_%d_%Y}.mp4", show, twin)) is None
