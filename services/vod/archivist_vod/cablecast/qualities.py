"""Which VOD configuration and which quality the settings mean, of those a server has."""

import re
from collections.abc import Sequence

from archivist_common.settings import VodSettings
from archivist_vod.cablecast.models import VodConfiguration, VodTranscodeQuality


def quality(
    settings: VodSettings, qualities: Sequence[VodTranscodeQuality], asked: str | None = None
) -> VodTranscodeQuality | None:
    """The quality that `asked`, or else VOD_DEFAULT_QUALITY, means; None where the server has none like it.

    An id comes before a number in a name, and of several names the lowest id: `1080` means `1080 HD`.
    """
    wanted = (asked or settings.vod_default_quality).strip().lower()
    named = {
        "low": settings.vod_quality_low,
        "medium": settings.vod_quality_medium,
        "high": settings.vod_quality_high,
        "original": settings.vod_quality_original,
    }
    id_ = named.get(wanted, int(wanted) if wanted.isascii() and wanted.isdigit() else None)
    known = sorted(qualities, key=lambda one: one.id)
    by_id = next((one for one in known if one.id == id_), None)
    if by_id is not None or wanted in named:
        return by_id
    number = re.fullmatch(r"([0-9]+)p?", wanted)
    if number is None:
        return next((one for one in known if one.name.strip().lower() == wanted), None)
    return next((one for one in known if number[1] in re.findall(r"[0-9]+", one.name)), None)


def configuration(
    location: int, wanted: VodTranscodeQuality | None, configurations: Sequence[VodConfiguration]
) -> VodConfiguration | None:
    """A location's VOD configuration: one that makes the wanted quality before others, then the lowest id."""
    ours = [one for one in configurations if one.location == location]
    makes_it = [one for one in ours if wanted is not None and wanted.id in one.vod_transcode_qualities]
    return min(makes_it or ours, key=lambda one: one.id, default=None)
