"""Settings of how captions look and of how SCC files are written."""

import json
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import field_validator, model_validator
from pydantic_settings import NoDecode

from archivist_captions.cea608.options import SccOptions
from archivist_captions.profiles import Profile, profile_from
from archivist_common.settings.common import CommonSettings
from archivist_common.storage.client import StorageServer


class CaptionSettings(CommonSettings):
    """How captions look: for the transcriber, and for the gateway, which shows those of a running job."""

    caption_profile: str = "broadcast"
    """House rules of layout: broadcast, web, netflix, bbc, or JSON: `{"base": "bbc", "columns": 30}`."""
    caption_mask: Annotated[tuple[str, ...], NoDecode] = ()
    """Words shown as their first letter and hyphens, comma-separated. The job says how many were."""

    @field_validator("caption_mask", mode="before")
    @classmethod
    def _parse_mask(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @model_validator(mode="after")
    def _possible_profile(self) -> Self:
        self.profile  # noqa: B018 -- raises ValueError for what cannot be
        return self

    @property
    def profile(self) -> Profile:
        """Raises ValueError for a profile that is not known or cannot be."""
        if self.caption_profile.lstrip().startswith("{"):
            return profile_from(json.loads(self.caption_profile))
        return profile_from({"base": self.caption_profile})


class SccSettings(CommonSettings):
    """How SCC files are written: for the transcriber, and for the publisher, which reads them back."""

    scc_drop_frame: bool = True
    """Drop-frame labels, as North American playout expects them; false for non-drop."""
    scc_start_timecode: str = ""
    """Label of the first picture, such as 01:00:00;00. Empty: zero."""
    scc_offset_ms: int = 0
    """Added to every time of the SCC, in milliseconds; may be negative."""
    scc_mode: Literal["pop-on", "roll-up"] = "pop-on"
    """Roll-up gives a live look."""

    @model_validator(mode="after")
    def _possible_labels(self) -> Self:
        self.scc_options  # noqa: B018 -- raises ValueError for what cannot be
        for server in self.flex_servers:
            scc_options_of(server, self.scc_options)
        return self

    @property
    def scc_options(self) -> SccOptions:
        """Raises ValueError for options that no SCC file can have."""
        return SccOptions(
            drop_frame=self.scc_drop_frame,
            start_label=self.scc_start_timecode,
            offset_ms=self.scc_offset_ms,
            mode=self.scc_mode,
        )


def scc_options_of(server: StorageServer, usual: SccOptions) -> SccOptions:
    """How a server's playout wants its SCC. Raises ValueError for a label that is not of its kind."""
    drop_frame = usual.drop_frame if server.drop_frame is None else server.drop_frame
    # A usual label of the other kind is not this server's.
    label = server.start_timecode or (usual.start_label if drop_frame == usual.drop_frame else "")
    return replace(usual, drop_frame=drop_frame, start_label=label)
