"""What every publisher promises: the interface behind which a VOD target stands, and the data that crosses it.

Every call takes the same stable key (`Work.key`) and is safe to repeat: what would make something at the target goes
through the ledger. A publisher gets its client handed in and sees no database.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from archivist_common.chapters.detection import Chapter
from archivist_common.publishing.options import PublishOptions
from archivist_common.shows import recording_names
from archivist_common.shows.matching import KnownShows
from archivist_vod.targets.caption_comparison import ReadBack
from archivist_vod.targets.item import Item, ItemT
from archivist_vod.targets.progress import TargetProgress

LONGEST_TITLE = 255  # characters


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can do, also shown to operators. caption_formats: those it takes, the best first.

    captions_first: before the programme is started, rather than after. has_programmes: the programmes themselves are
    there, so that it is the target where a request names none.
    """

    caption_formats: tuple[str, ...]
    captions_first: bool
    can_replace_captions: bool
    needs_media_upload: bool
    chapters: bool
    readback: bool
    asynchronous: bool
    id_kind: str
    has_programmes: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Result of probing a target. reason: why it cannot be published to now; None when it can.

    denied: because it rejected our credentials, so that no further request may be sent.
    """

    reason: str | None
    details: Mapping[str, Any] = field(default_factory=dict)
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """Captions to be shown. path: the committed copy, which holds `data`.

    ours: hashes of every caption file Archivist has written for this recording; only such a file is replaced.
    """

    format: str
    language: str
    data: bytes
    sha256: str
    path: Path
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Work:
    """One recording to publish.

    version: of its captions, counted from 1. length_s: None while unknown. link: the show that a person named, or a
    rule found before. files: what else was made of it, by kind (`vtt`, `summary` …), for a target that takes files.
    """

    key: str
    version: int
    storage: str
    path: str
    length_s: int | None
    track: Track
    options: PublishOptions
    chapters: tuple[Chapter, ...] = ()
    description: str = ""
    tags: tuple[str, ...] = ()
    link: int | None = None
    link_by_person: bool = False
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def title(self) -> str:
        """A title for viewers: the one requested, or what the file name says."""
        name = recording_names.read(self.filename)
        text = self.options.title or name.title or self.filename
        if self.options.title is None and name.date is not None:
            text = f"{text} {name.date.isoformat()}"
        return " ".join(text.split())[:LONGEST_TITLE]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A show that may match. score: 0 to 100."""

    show_id: int
    title: str
    event_date: str | None
    score: int
    reasons: tuple[str, ...]

    def stored(self) -> dict[str, Any]:
        return {
            "show_id": self.show_id,
            "title": self.title,
            "event_date": self.event_date,
            "score": self.score,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """The match. score: None where a user has linked it, or the target needs no matching."""

    item: Item
    score: int | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A user has to decide which."""

    why: str
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is none yet."""

    suggestions: tuple[Suggestion, ...] = ()


Resolution = Found | Ambiguous | Nothing


class Accepted(StrEnum):
    """Whether a target has taken captions into use."""

    YES = "yes"
    NOT_YET = "not_yet"


class Ledger(Protocol):
    """Changes at the target, each asked for once (`ledger.Effects`)."""

    async def once(
        self,
        key: str,
        *,
        do: Callable[[], Awaitable[str]],
        look: Callable[[], Awaitable[Sequence[str]]],
        what: str,
        look_first: bool = True,
    ) -> str:
        """The id of what `do` makes, which is asked for only where `look` does not find it already.

        look: ids of what is there by this key; more than one means that it was stored twice, and is reported.
        what: its name in words. Raises what `do` and `look` raise, and Fenced.
        """
        ...

    async def change(self, key: str, do: Callable[[], Awaitable[None]]) -> None:
        """A change that is the same however often it is done. Written down, and done again where it is not sure."""
        ...

    async def confirmed(self, key: str) -> str | None:
        """The id under which this change was confirmed; None where it was not."""
        ...

    async def begun(self, key: str) -> bool:
        """Whether this change was ever asked for, or about to be."""
        ...

    async def all_confirmed(self, prefix: str) -> Mapping[str, str]:
        """Confirmed changes whose keys begin so: key to id."""
        ...

    async def note(self, key: str, what: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """What was noted for a change; `what` is noted instead where it is given."""
        ...

    async def seen(self, key: str, external_id: str) -> None:
        """It is there: what was asked for, and never answered, is confirmed. Nothing is noted where nobody asked."""
        ...

    async def forget(self, key: str) -> None:
        """What was confirmed is not there any more: it may be asked for again."""
        ...

    def warn(self, code: str, message: str) -> None:
        """Add a warning to the publication; it goes on."""
        ...

    def require(self) -> None:
        """Raises Fenced where this attempt may not change anything any more."""
        ...


BackgroundLoop = Callable[[], Coroutine[Any, Any, None]]
"""What runs beside the publications of a target, until it is cancelled; it outlives outages and errors."""


class Publisher(Protocol[ItemT]):
    """A VOD target. Errors: those of `PublishError`, NeedsPerson, CaptionsRefused, storage errors."""

    kind: str
    item_type: type[ItemT]

    def capabilities(self) -> Capabilities: ...

    def credentials_sha256(self) -> str | None:
        """Tells one set of credentials from another without showing either; None where there are none."""
        ...

    def resume(self) -> None:
        """An operator has resumed it after rejected credentials: send requests again."""
        ...

    async def probe(self) -> Probe:
        """Whether the target can be published to, by the cheapest request that tells."""
        ...

    async def resolve(self, work: Work, shows: Callable[[], Awaitable[KnownShows]]) -> Resolution:
        """What the recording is at the target. shows: the target's shows as the last sync saw them."""
        ...

    async def outline(self, work: Work, item: ItemT) -> tuple[str, ...]:
        """What publishing would do there, a sentence for each change. Changes nothing. An item without
        a show or the like: nothing was found."""
        ...

    async def ensure(self, work: Work, item: ItemT, ledger: Ledger) -> ItemT:
        """Everything that captions need: found, or made where the options say so."""
        ...

    async def put_captions(self, work: Work, item: ItemT, ledger: Ledger) -> ItemT:
        """Put the captions in place. Raises PublicNameTaken where there are captions that Archivist did not write."""
        ...

    async def accepted(self, work: Work, item: ItemT) -> Accepted:
        """Whether the target has taken the captions into use. Raises CaptionsRefused."""
        ...

    async def start(self, work: Work, item: ItemT, ledger: Ledger) -> ItemT:
        """The programme is there, or on its way. The item has `vod_id` from then on."""
        ...

    async def poll(self, item: ItemT) -> TargetProgress: ...

    async def works_elsewhere(self, item: ItemT) -> str:
        """A mark that changes while the target works at other programmes: then ours waits for its turn."""
        ...

    async def verify(self, work: Work, item: ItemT) -> ReadBack | None:
        """The captions that the public sees beside those we wrote; None while there are none to be seen."""
        ...

    async def put_chapters(self, work: Work, item: ItemT, ledger: Ledger) -> ItemT: ...

    async def put_metadata(self, work: Work, item: ItemT, ledger: Ledger) -> ItemT: ...

    async def withdraw(self, item: ItemT, ledger: Ledger) -> ItemT:
        """Take the programme off the public list. Nothing is deleted that cannot be restored."""
        ...
