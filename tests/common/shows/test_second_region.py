"""A second, invented region whose names no rule knows: its bodies are learnt from its shows."""

from tests.common.shows.second_region import ASK, NAMES, catalogue
from tests.common.shows.station import learnt_from

from archivist_common.shows.bodies import NONE, Bodies
from archivist_common.shows.matching import Candidate, Match, match, prepare
from archivist_common.shows.recording_names import read


def linked(bodies: Bodies) -> dict[str, Candidate]:
    """The show of each name that is linked to one."""
    shows = [prepare(show, bodies) for show in catalogue()]
    answers = {name: match(read(name), None, "", shows, bodies) for name in (*(row[0] for row in NAMES), *ASK)}
    return {name: answer.show.candidate for name, answer in answers.items() if isinstance(answer, Match)}


def found_and_wrong(bodies: Bodies) -> tuple[list[str], list[str]]:
    shows = linked(bodies)
    wanted = {name: (title, day) for name, title, day in NAMES}
    right = [name for name, show in shows.items() if (show.title, show.event_date) == wanted.get(name)]
    return right, [name for name in shows if name not in right]


def test_every_name_of_the_region_has_one_right_show() -> None:
    shows = catalogue()
    assert len(NAMES) == 30
    for name, title, day in NAMES:
        assert len([show for show in shows if (show.title, show.event_date) == (title, day)]) == 1, name


def test_names_of_a_region_that_no_rule_knows_find_their_shows_and_none_a_wrong_one() -> None:
    right, wrong = found_and_wrong(learnt_from(catalogue()))
    assert wrong == []
    assert len(right) >= 29


def test_general_words_alone_link_none_to_a_wrong_one_there() -> None:
    right, wrong = found_and_wrong(NONE)
    assert wrong == []
    assert len(right) >= 28
