"""Parameters that several routes take."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Path

LONGEST_WAIT_S = 30

JobId = Annotated[UUID, Path(description="Id of the transcription")]
ClientKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        max_length=255,
        description="Your own name for this request: repeated within a day, it does nothing again",
    ),
]
