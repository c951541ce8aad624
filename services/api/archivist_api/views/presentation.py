"""What a response needs beside rows: estimates, redaction, and the station's time zone."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from archivist_api.redaction import Redact
from archivist_api.views.estimates_cache import EstimatesCache


@dataclass(frozen=True, slots=True)
class Presentation:
    estimates: EstimatesCache
    redact: Redact
    zone: ZoneInfo
