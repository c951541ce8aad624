"""What the gateway takes and gives. Requests refuse unknown fields; answers are built field by field."""

from datetime import datetime, timedelta
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from archivist_common.artifacts import Stored
from archivist_common.journal import Entry as JournalEntry
from archivist_common.security.accounts import Account
from archivist_common.security.api_keys import Key
from archivist_common.security.passwords import LONGEST as LONGEST_PASSWORD
from archivist_common.security.permissions import Permission
from archivist_common.states import JobStatus, PublicState, Role, Stage
from archivist_common.storage import Entry, Listing, MountState, Order
from archivist_common.transcriptions import Moving, Reading

FORMATS = ("scc", "vtt", "srt", "ttml", "sami", "txt", "json")
