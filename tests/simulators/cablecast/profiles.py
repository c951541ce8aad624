"""Which Cablecast it is, and the switches for what nobody outside the vendor knows for certain."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Profile:
    """What a version of the server can do."""

    name: str
    version: str
    assets: bool
    uploads: bool
    vod_state: bool
    sidecars: bool
    captions: str | None
    """What lies in a VOD's folder: `hls` (playlists, parts and captions.en.vtt), `vtt` (captions.vtt) or nothing."""
    read_only: bool = False


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("modern", "7.8.1", assets=True, uploads=True, vod_state=True, sidecars=True, captions="hls"),
        Profile("mid", "7.4.3", assets=False, uploads=False, vod_state=True, sidecars=True, captions="vtt"),
        Profile("legacy", "6.9.2", assets=False, uploads=False, vod_state=False, sidecars=False, captions=None),
        Profile("reflect", "7.8.1", True, True, True, sidecars=True, captions="hls", read_only=True),
    )
}


@dataclass(slots=True)
class Switches:
    """Each unknown of the contract as a setting; the first named value is the default."""

    default_page: int = 50
    anon_cache_s: float = 300
    search_param: str = "works"  # ignored
    late_sidecar: str = "refresh"  # never
    upload_same_name: str = "overwrite"  # suffix, 409
    put: str = "replace"  # merge
    validation_status: int = 400  # 422
    show_post_status: int = 201  # 200; every POST that makes something
    vod_duplicate: str = "allow"  # 409
    fileuploads_list: bool = False  # True: GET /fileuploads answers a list
    charset_header: bool = False  # True: text files name their charset
    extra_fields: bool = True  # every object has a property nobody knows
    omit_nulls: bool = False  # True: optional fields without a value are left out
    warning_header: bool = False  # True: /digitalfiles is said to be deprecated
    anonymous_writes: str = "refused"  # allowed: a server that is badly set up
    xml: bool = False  # True: a minimal XML body where XML is asked for, instead of 406
    slots: int = 1
    transcode_speed: float = 4.0  # seconds of programme made into one variant per second
    index_s: float = 90  # from a file's last change to its asset being valid
    upload_step_s: float = 2  # each of the states 2, 3 and 4 of an upload
    upload_idle_s: float = 4 * 3600

    def set(self, changes: dict[str, Any]) -> None:
        """Change some of them. Raises ValueError for one that is not there or a value it cannot have."""
        for name, value in changes.items():
            known = {field.name for field in fields(self)}
            if name not in known:
                raise ValueError(f"there is no switch {name}; there are {', '.join(sorted(known))}")
            allowed = _VALUES.get(name)
            if allowed is not None and value not in allowed:
                raise ValueError(f"switch {name} may be {' or '.join(map(str, allowed))}, not {value!r}")
            if allowed is None and isinstance(getattr(self, name), bool):
                value = {"on": True, "off": False}.get(value, value) if isinstance(value, str) else value
                if not isinstance(value, bool):
                    raise ValueError(f"switch {name} may be on or off, not {value!r}")
            elif allowed is None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
                raise ValueError(f"switch {name} is a number, not {value!r}")
            if name in ("slots", "transcode_speed", "default_page") and value <= 0:
                raise ValueError(f"switch {name} must be above zero")
            setattr(self, name, value)


_VALUES: dict[str, tuple[Any, ...]] = {
    "search_param": ("works", "ignored"),
    "late_sidecar": ("refresh", "never"),
    "upload_same_name": ("overwrite", "suffix", "409"),
    "put": ("replace", "merge"),
    "validation_status": (400, 422),
    "show_post_status": (200, 201),
    "vod_duplicate": ("allow", "409"),
    "anonymous_writes": ("refused", "allowed"),
}
