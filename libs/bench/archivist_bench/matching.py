"""`archivist bench matching`: one recording ranked against a long archive of shows, beside a plain count of words."""

import argparse
import time
from collections.abc import Callable
from datetime import date, timedelta
from statistics import median

from archivist_common.shows.bodies import Bodies
from archivist_common.shows.matching import Candidate, prepare, rank
from archivist_common.shows.recording_names import read

SHOWS = 22_000  # as many as a station gathers in thirty years
MOST = 40.0  # times the plain count; 22 on the day this was written
_RUNS = 5
_TOWNS = ("Harbor City", "Elm Grove", "Stillmeadow", "Fox Hollow", "North Prairie", "Cedar Falls", "Old Mill")
_MEETINGS = ("City Council", "Planning Commission", "Park Board", "School Board", "Cable Commission")
_BODIES = Bodies(words={town: (town.lower(),) for town in _TOWNS})
_FIRST = date(1996, 1, 2)
_WANTED = 12_345


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    matching = actions.add_parser(
        "matching",
        help="which of many shows a recording belongs to",
        description=f"Rank {SHOWS} shows for one recording, in turns with a count of the words that each title "
        f"shares with it. Exit 0 only if the right show is first and ranking takes at most {MOST:g} times as long.",
    )
    matching.add_argument(
        "--runs", type=int, choices=range(1, 50), default=_RUNS, help="default: 5; the median counts"
    )
    matching.set_defaults(run=run)


def archive(count: int = SHOWS) -> list[Candidate]:
    """Meetings of seven towns, a few each day, no two alike."""
    made = []
    for number in range(count):
        town, meeting = _TOWNS[number % len(_TOWNS)], _MEETINGS[number // len(_TOWNS) % len(_MEETINGS)]
        day = _FIRST + timedelta(days=number // 2)
        made.append(Candidate(number, f"{town} {meeting} {day}", f"{town} {meeting} Meeting", day))
    return made


def run(options: argparse.Namespace) -> int:
    shows = archive()
    wanted = shows[_WANTED]
    title = str(wanted.cg_title).removesuffix(" Meeting")
    name = f"{wanted.id}-1-{title} ({wanted.event_date:%Y%m%d}).mp4"
    begun = time.process_time()
    prepared = [prepare(show, _BODIES) for show in shows]
    preparing_s = time.process_time() - begun
    read_name, tokens = read(name), set(title.casefold().split())
    titles = [str(show.title) for show in shows]

    def ours() -> int:
        return rank(read_name, 5_400, "", prepared, _BODIES)[0].candidate.id

    def plain() -> int:
        return max(len(tokens & set(text.casefold().split())) for text in titles)

    pairs = [(_seconds(ours), _seconds(plain)) for _ in range(options.runs)]
    ratio = median(own / other for own, other in pairs)
    own_s, plain_s = median(own for own, _ in pairs), median(other for _, other in pairs)
    is_first = ours() == wanted.id
    print(
        f"{len(shows)} shows: prepared once in {preparing_s:.2f} s, ranked in {own_s:.3f} s, words in {plain_s:.3f} s"
    )
    print(f"ratio {ratio:.1f}, at most {MOST:g}; the right show is {'first' if is_first else 'NOT FIRST'}")
    kept = is_first and ratio <= MOST
    print("Kept." if kept else "NOT KEPT.")
    return 0 if kept else 1


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of this process: other work on the machine does not count."""
    begun = time.process_time()
    work()
    return time.process_time() - begun
