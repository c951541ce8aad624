"""The file behind a reel, whatever a server's version calls it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from archivist_vod.cablecast import models

_FASTEST = 1000.0  # frames per second
_ROUNDED_BY = 0.005  # frames per second: what a rate with two decimals may be off


@dataclass(frozen=True, slots=True)
class VideoFile:
    """The file behind a reel, from an asset or, on older servers, a digitalfile.

    path: relative to its store. stores: ids of the file stores it lies on; empty where the server does not say.
    length_s: exact; None where it is not known. captions_compatible: None where the server does not say.
    """

    name: str
    path: str
    stores: tuple[int, ...]
    asset: int | None
    digital_file: int | None
    length_s: Fraction | None
    has_captions: bool | None
    captions_compatible: bool | None
    captions_message: str
    url: str
    reels: tuple[int, ...] = ()


def of_digital(file: models.DigitalFile) -> VideoFile:
    return VideoFile(
        file.file_name.replace("\\", "/").rpartition("/")[2],
        file.path or file.file_name,
        (),
        None,
        file.id,
        exact_length(file.frame_count, file.frame_rate),
        file.has_captions,
        file.captions_are_compatible,
        file.captions_message,
        "",
        () if file.reel is None else (file.reel,),
    )


def of_asset(asset: models.Asset, infos: Iterable[models.AssetInfo]) -> VideoFile:
    """infos: the asset's own; the first that tells its length counts."""
    lengths = (exact_length(info.frame_count, info.frame_rate) for info in infos)
    return VideoFile(
        asset.file_name,
        asset.path,
        asset.file_stores,
        asset.id,
        None,
        next((length for length in lengths if length), None),
        asset.has_captions,
        None,
        "",
        asset.url,
    )


def exact_length(frames: int | None, rate: float | None) -> Fraction | None:
    """Seconds of so many frames, exactly; None where it cannot be known. A server's 29.97 is 30000/1001."""
    if not frames or not rate or not 0 < rate < _FASTEST:
        return None
    ntsc = Fraction(round(rate) * 1000, 1001)
    exact = ntsc if abs(rate - ntsc) < _ROUNDED_BY else Fraction(rate).limit_denominator(1000)
    return Fraction(frames) / exact
