"""The tables at rest. The six of the technical documentation, and what the life of a job needs beside them.

Column names, types, checks and indexes of the documentation are kept; every time carries its zone.
Plain PostgreSQL 15: no extension.
"""

from archivist_common.database.models.accounts import ApiKey, Session, User
from archivist_common.database.models.declarative import Base, Leased
from archivist_common.database.models.events import OutboxEvent, SystemLog
from archivist_common.database.models.jobs import Artifact, Batch, ChapterList, Chunk, Transcription
from archivist_common.database.models.publishing import CaptionVersion, Effect, Publication, PublishTarget, VodContent
from archivist_common.database.models.shows import CablecastShow, ShowLink, SyncRun
from archivist_common.database.models.system import IdempotencyKey, MachineSpeed, QueueControl, Worker

__all__ = [
    "ApiKey",
    "Artifact",
    "Base",
    "Batch",
    "CablecastShow",
    "CaptionVersion",
    "ChapterList",
    "Chunk",
    "Effect",
    "IdempotencyKey",
    "Leased",
    "MachineSpeed",
    "OutboxEvent",
    "Publication",
    "PublishTarget",
    "QueueControl",
    "Session",
    "ShowLink",
    "SyncRun",
    "SystemLog",
    "Transcription",
    "User",
    "VodContent",
    "Worker",
]
