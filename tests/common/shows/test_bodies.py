"""Who meets at a station: by its settings, and by what the titles of its shows teach."""

import time

import pytest
from tests.common.shows.second_region import catalogue as second_region
from tests.common.shows.show_catalogue import catalogue
from tests.common.shows.station import learnt_from

from archivist_common.settings import meeting_bodies
from archivist_common.shows.bodies import NONE, Bodies, TitleCount, learn, merged
from archivist_common.shows.titles import parse


def learnt(*titles: str, place: str | None = None, shows: int = 2) -> Bodies:
    return learn(TitleCount(title, place=place, shows=shows) for title in titles)


def places(*titles: str, place: str | None = None, shows: int = 2) -> set[str]:
    return set(learnt(*titles, place=place, shows=shows).words)


@pytest.mark.parametrize(
    ("title", "place"),
    [
        ("Lake Elmo City Council", "Lake Elmo"),
        ("Town of Tarn Hollow - Town Board", "Tarn Hollow"),
        ("Lake Elmo Planning Commission 4/12/#", "Lake Elmo"),
        ("Special Meeting: Grant City Council", "Grant"),
        ("Quillan County Board of Commissioners", "Quillan County"),
        ("White Bear Township Board", "White Bear Township"),
        ("Oakdale School District Board of Education", "Oakdale"),
        ("Harbor City Council", "Harbor"),  # a word for who meets, but its kind follows it
        ("Mahtomedi City Council March #, #", "Mahtomedi"),
    ],
)
def test_a_place_is_what_stands_before_who_meets(title: str, place: str) -> None:
    assert places(title) == {place}


@pytest.mark.parametrize(
    "title",
    [
        "City Council Meeting",
        "Town Board Annual Meeting",
        "Planning Commission",
        "The Mayor's Corner",
        "Candidate Forum: Oakdale Mayor",
        "White Bear Lake Shortest Marathon",
        "How We Got a New Board",
        "",
    ],
)
def test_a_title_that_names_no_place_teaches_none(title: str) -> None:
    assert places(title) == set()


def test_bodies_of_two_places_teach_both() -> None:
    assert places("Joint Meeting: Dellwood and Grant City Councils") == {"Dellwood", "Grant"}


def test_one_title_alone_is_believed_only_where_cablecast_names_the_place_too() -> None:
    assert places("Stillwater City Council", shows=1) == set()
    assert places("Stillwater City Council", shows=1, place="Government (Stillwater)") == {"Stillwater"}
    assert places("Stillwater City Council", "Stillwater City Council", shows=1) == {"Stillwater"}


def test_a_misspelt_place_is_no_second_one() -> None:
    assert places("Mahtomedi City Council", "Mahtomedi City Council", "Mahtomdi City Council") == {"Mahtomedi"}


def test_a_committee_of_a_place_is_no_place_beside_it() -> None:
    titles = ("Lake Elmo City Council", "Lake Elmo Kelp Committee", "Lake Elmo Heights City Council")
    assert places(*titles) == {"Lake Elmo", "Lake Elmo Heights"}


def test_initials_stand_for_a_place_and_for_who_meets_there() -> None:
    short = learnt("Port Verity Common Council", "Port Verity Planning Board", "White Bear Lake City Council").short
    assert short["pv"] == ("port", "verity")
    assert short["wbl"] == ("white", "bear", "lake")
    assert short["pvcc"] == ("port", "verity", "common", "council")
    names = learnt("Port Verity Common Council", "Port Verity Planning Board")
    assert parse("PVCC", names).bodies == {"Port Verity"}


def test_initials_of_two_are_nobodys() -> None:
    short = learnt("Port Verity City Council", "Pine Valley City Council").short
    assert "pv" not in short
    assert "pvcc" not in short


def test_common_words_are_no_initials() -> None:
    assert learnt("Oak Ridge City Council", "Nora Ople City Council").short.keys() & {"or", "no"} == set()


def test_a_place_that_titles_only_abbreviate_is_the_one_it_stands_for() -> None:
    assert places("PV Planning Board", "Port Verity Planning Board", "Port Verity City Council") == {"Port Verity"}


def test_a_township_is_not_the_lake_of_its_name() -> None:
    bodies = learnt("White Bear Lake City Council", "White Bear Township Town Board")
    assert parse("WB Town Board", bodies).bodies == {"White Bear Township"}
    assert parse("White Bear Town Board", bodies).bodies == {"White Bear Township"}
    assert parse("White Bear City Council", bodies).bodies == {"White Bear Lake"}
    assert parse("White Bear Board", bodies).bodies == set()


def test_the_two_archives_teach_their_own_places_and_nothing_else() -> None:
    assert set(learnt_from(catalogue()).words) == {
        "Birchwood", "Dellwood", "Grant", "Lake Elmo", "Mahtomedi", "Oakdale", "White Bear Lake",
        "White Bear Township", "Willernie",
    }  # fmt: skip
    assert set(learnt_from(second_region()).words) == {
        "Ashgrove", "Hollins", "Port Verity", "Quillan County", "Quillan Valley", "Sable Point", "Tarn Hollow",
        "Upper Ashgrove",
    }  # fmt: skip


def test_the_settings_count_before_what_was_learnt() -> None:
    found = learnt("White Bear Lake City Council", "Oakdale City Council", "White Bear Township Board")
    bodies = merged({"The Lake": ("White Bear Lake", "WBT")}, found)
    assert set(bodies.words) == {"The Lake", "Oakdale", "White Bear Township"}
    assert parse("WBT Council", bodies).bodies == {"The Lake"}
    assert merged({}, NONE).words == {}


def test_learning_from_twenty_thousand_titles_takes_seconds_at_most() -> None:
    begun = time.process_time()
    learn(TitleCount(f"{place} City Council {n}") for place in ("Oakdale", "Grant") for n in range(10_000))
    assert time.process_time() - begun < 5


def test_the_setting_names_bodies_and_what_titles_call_them() -> None:
    assert meeting_bodies(" White Bear Lake = WBL, White Bear ;Grant; ") == {
        "White Bear Lake": ("WBL", "White Bear"),
        "Grant": (),
    }
    assert meeting_bodies("") == {}


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Grant;=WBL", "'=WBL'"),
        ("Grant;Oakdale=", "'Oakdale='"),
        ("Oakdale=OD,,O", "'Oakdale=OD,,O'"),
        ("Grant,Oakdale", "'Grant,Oakdale'"),
        ("Grant=G=H", "'Grant=G=H'"),
        ("Lake=WBL;Town=wbl", "'Town=wbl' names 'wbl', which 'Lake' has already"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(text: str, entry: str) -> None:
    with pytest.raises(ValueError, match="MEETING_BODIES") as raised:
        meeting_bodies(text)
    assert entry in str(raised.value)
