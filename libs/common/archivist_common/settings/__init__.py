"""Settings, as the environment and `.env` give them. Read once in `main()`, passed on, never imported.

Names are those of the technical documentation, unprefixed; names of the old frameworks are accepted
beside them. A new field has a default that keeps an old deployment running, its unit in its docstring,
and a line in `.env.example`.
"""

from archivist_common.settings.api import ApiSettings
from archivist_common.settings.captions import CaptionSettings, SccSettings, scc_options_of
from archivist_common.settings.common import CommonSettings
from archivist_common.settings.matching import MatchingSettings, meeting_bodies
from archivist_common.settings.monitor import MonitorSettings
from archivist_common.settings.notices import WITHOUT_EFFECT, notices
from archivist_common.settings.parsing import asyncpg_dsn, cablecast_base
from archivist_common.settings.placeholders import check_secret
from archivist_common.settings.publishing import ApprovalSettings, VodSettings
from archivist_common.settings.reading import SettingsT, faults, read
from archivist_common.settings.sources import names
from archivist_common.settings.speech import SpeechSettings
from archivist_common.settings.transcriber import TranscriberSettings

__all__ = [
    "WITHOUT_EFFECT",
    "ApiSettings",
    "ApprovalSettings",
    "CaptionSettings",
    "CommonSettings",
    "MatchingSettings",
    "MonitorSettings",
    "SccSettings",
    "SettingsT",
    "SpeechSettings",
    "TranscriberSettings",
    "VodSettings",
    "asyncpg_dsn",
    "cablecast_base",
    "check_secret",
    "faults",
    "meeting_bodies",
    "names",
    "notices",
    "read",
    "scc_options_of",
]
