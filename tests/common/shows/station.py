"""The station of `show_catalogue` as its settings give it, and as its shows teach it."""

from collections.abc import Iterable

from archivist_common.settings import meeting_bodies
from archivist_common.shows.bodies import NONE, Bodies, TitleCount, learn, merged
from archivist_common.shows.matching import Candidate

MEETING_BODIES = (
    "Birchwood=Birchwood Village; Dellwood; Grant; Willernie; Lake Elmo; Mahtomedi; Oakdale; North St Paul;"
    "White Bear Lake=WB Lake, WBL, White Bear;"
    "White Bear Township=White Bear Town, WB Township, WB Town, WBT"
)
"""As `.env` has it. "White Bear" alone is the Lake; the Township is another body."""

STATION = merged(meeting_bodies(MEETING_BODIES), NONE)


def learnt_from(shows: Iterable[Candidate]) -> Bodies:
    return learn(TitleCount(show.title, show.cg_title, show.place) for show in shows)
