"""What is known of a recording at Cablecast: its show, the reel that plays it, that reel's file, its VOD."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from archivist_common.errors import TargetMissing
from archivist_vod.cablecast import models
from archivist_vod.cablecast.video_file import VideoFile
from archivist_vod.targets.item import Item
from archivist_vod.targets.timeline import ReelSpan

_ANY_LENGTH_S = 10**6  # of a reel whose length nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class CablecastItem(Item):
    """reel_number, cue_s, length_s: of the reel that plays the recording. earlier: the same of the reels before it.

    file, path: name of the reel's file, and its path in the store. stores: ids, empty where the server does not say,
    None before a reel was found. digital_file: the one that says whether its captions were understood.
    url, folder_url: of the VOD as the public has it, and of the folder that holds its captions. seen: the VOD's state
    when that was read. withdrawn: Archivist has taken the VOD off the public list. chapters: how many stand there.
    description_sha256: of the description that Archivist wrote.
    """

    REMEMBERED: ClassVar[frozenset[str]] = frozenset({"missed", "withdrawn", "description_sha256"})

    vod_id: int | None = None
    location: int | None = None
    reel: int | None = None
    reel_number: int = 1
    cue_s: int = 0
    length_s: int = 0
    earlier: tuple[tuple[int, int, int], ...] = ()
    file: str | None = None
    path: str = ""
    asset: int | None = None
    digital_file: int | None = None
    stores: tuple[int, ...] | None = None
    sidecar: str | None = None
    configuration: int | None = None
    url: str | None = None
    folder_url: str | None = None
    watchable: bool | None = None
    seen: str = ""
    withdrawn: bool = False
    chapters: int | None = None
    description_sha256: str | None = None

    @property
    def known_show(self) -> int:
        """Raises TargetMissing while there is none."""
        if self.show is None:
            raise TargetMissing("no show is known for this recording")
        return self.show

    @property
    def known_vod(self) -> int:
        """Raises TargetMissing while there is none."""
        if self.vod_id is None:
            raise TargetMissing("no VOD is known for this recording")
        return self.vod_id

    @property
    def spans(self) -> tuple[ReelSpan, tuple[ReelSpan, ...]]:
        """The reel that plays our recording, and those before it."""
        earlier = tuple(ReelSpan(*one) for one in self.earlier)
        return ReelSpan(self.reel_number, self.cue_s, self.length_s or _ANY_LENGTH_S), earlier

    def with_vod(self, vod_id: str) -> Self:
        return replace(self, vod_id=int(vod_id))

    def with_show(self, show: models.Show) -> "CablecastItem":
        title = " ".join((show.cg_title or show.title).split()) or f"show {show.id}"
        return replace(self, show=show.id, title=title, location=show.location, thumbnail_url=show.thumbnail_url)

    def with_reel(self, ours: models.Reel, reels: Iterable[models.Reel]) -> "CablecastItem":
        """With the reel that plays our recording, and those before it. reels: of the show."""
        number = ours.reel_number or 1
        known = tuple((reel.reel_number or 0, reel.cue or 0, reel.length or 0) for reel in reels)
        return replace(
            self,
            reel=ours.id,
            reel_number=number,
            cue_s=ours.cue or 0,
            length_s=ours.length or 0,
            earlier=tuple(one for one in known if one[0] < number),
        )

    def with_file(self, file: VideoFile | None) -> "CablecastItem":
        """With the reel's file; None for a reel that has none yet."""
        return replace(
            self,
            file=None if file is None else file.name,
            path="" if file is None else file.path.replace("\\", "/").lstrip("/"),
            asset=None if file is None else file.asset,
            digital_file=None if file is None else file.digital_file,
            stores=() if file is None else file.stores,
        )
