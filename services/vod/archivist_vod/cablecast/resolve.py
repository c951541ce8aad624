"""Which show a recording is: the number in its name, our key, its file on a reel; else a user has to decide.

What the last sync saw serves suggestions; nothing is linked by a rule before the show itself was read, just now.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from archivist_common.errors import NeedsPerson, TargetMissing
from archivist_common.shows import matching, recording_names
from archivist_common.shows.matching import Candidate, KnownShows, Scored
from archivist_vod.cablecast import models
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.cablecast.reference_data import aware, day, place
from archivist_vod.targets.interface import Ambiguous, Found, Nothing, Resolution, Suggestion, Work

Shows = Callable[[], Awaitable[KnownShows]]


async def resolve(catalogue: CablecastApi, work: Work, synced: Shows) -> Resolution:
    """The show, suggestions, or nothing. Raises NeedsPerson where a show that a person named is gone."""
    if work.link is not None:
        try:
            return Found(CablecastItem().with_show(await catalogue.show(work.link)))
        except TargetMissing as exc:
            if work.link_by_person:
                told = f"show {work.link}, which a user linked, is not at Cablecast any more; link another"
                raise NeedsPerson(told, why="SHOW_GONE") from exc
    name = recording_names.read(work.filename)
    live: dict[int, models.Show] = {}
    if name.show_number is not None:
        with suppress(TargetMissing):  # a number of another kind
            live[name.show_number] = await catalogue.show(name.show_number)
    live |= {show.id: show for show in await catalogue.shows_by_local_id(work.key)}
    if not live:
        live |= {show.id: show for show in await _by_file(catalogue, work.filename)}
    from_sync = await synced()
    known = {candidate.id: candidate for candidate in from_sync.shows}
    while True:
        known |= {show.id: await candidate_of(catalogue, show) for show in live.values()}
        verdict = matching.match(name, work.length_s, work.key, known.values(), from_sync.bodies)
        if not isinstance(verdict, matching.Match):
            break
        show_id = verdict.show.candidate.id
        if show_id in live:
            return Found(CablecastItem().with_show(live[show_id]), verdict.show.score, _told(verdict.show))
        try:
            live[show_id] = await catalogue.show(show_id)
        except TargetMissing:
            del known[show_id]
    suggestions = tuple(suggestion(one) for one in verdict.suggestions)
    if isinstance(verdict, matching.Nothing):
        return Nothing(suggestions)
    return Ambiguous(_why(name, verdict.suggestions), suggestions)


async def candidate_of(catalogue: CablecastApi, show: models.Show) -> Candidate:
    """A show as matching takes it, with the names of its reels' files as far as the reels say."""
    reels = await catalogue.reels(show) if show.reels else ()
    names = await catalogue.lookups.names()
    created = aware(models.moment(show.raw.get("created")), names.zone)
    return Candidate(
        id=show.id,
        title=show.title,
        cg_title=show.cg_title,
        event_date=day(show.event_date, names.zone),
        created=day(created, names.zone),
        place=" ".join(place(show, names).split()) or None,
        length_s=show.total_run_time or None,
        local_id=show.local_id,
        files=tuple(reel.user_file_name for reel in reels if reel.user_file_name),
    )


def suggestion(one: Scored) -> Suggestion:
    show = one.candidate
    date = None if show.event_date is None else show.event_date.isoformat()
    return Suggestion(show.id, show.cg_title or show.title or f"show {show.id}", date, one.score, _told(one))


async def _by_file(catalogue: CablecastApi, filename: str) -> Sequence[models.Show]:
    """Shows with a reel that plays exactly this file."""
    try:
        file = await catalogue.video(filename)
    except TargetMissing:
        return ()
    if file is None:
        return ()
    found = []
    for reel_id in file.reels:
        try:
            reel = await catalogue.reel(reel_id)
            if reel.show is not None:
                found.append(await catalogue.show(reel.show))
        except TargetMissing:
            continue
    return found


def _told(one: Scored) -> tuple[str, ...]:
    return tuple(reason.text for reason in one.reasons)


def _why(name: recording_names.RecordingName, suggestions: Sequence[Scored]) -> str:
    if name.show_number is not None and any(one.candidate.id == name.show_number for one in suggestions):
        return f"the number {name.show_number} in the file name and its show's title or date do not agree"
    if len(suggestions) > 1 and suggestions[0].score == suggestions[1].score:
        return "two shows fit equally well"
    return "no show matches beyond doubt; link the right one"
