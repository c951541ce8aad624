"""What follows from a request about a publication, by what has become of it: one table. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from archivist_common.publishing.options import APPROVAL_NEEDED, DRY_RUN, SIDECARS_UNSUPPORTED
from archivist_common.states import PublicationStatus

_APPROVABLE = frozenset({APPROVAL_NEEDED, SIDECARS_UNSUPPORTED})


class Situation(StrEnum):
    """What has become of a publication."""

    PENDING = "pending"
    PROCESSING = "processing"
    PUBLISHED = "published"
    FAILED = "failed"
    REMOVED = "removed"
    HELD = "held"
    """For a user to decide: which show, what to do at the target."""
    FOR_APPROVAL = "held for approval"
    PLANNED = "held after a dry run"
    WITHDRAWING = "withdrawal pending"
    WITHDRAWING_NOW = "withdrawal processing"
    WITHDRAWAL_HELD = "withdrawal held"
    WITHDRAWAL_FAILED = "withdrawal failed"


class RequestKind(StrEnum):
    """What is requested, by a user or by what happened elsewhere."""

    SAME = "publish the same again"
    """The captions it has, and no option that it did not have."""
    SAME_PLAN = "a dry run of the same again"
    OTHER = "publish other captions, or with other options"
    RETRY = "retry"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    WITHDRAW_UNBEGUN = "withdraw what has changed nothing at the target"
    ROLLBACK = "go back to other captions"
    SHOW_LINKED = "its show was linked"
    CHAPTERS_EDITED = "its chapters were edited"


class Outcome(StrEnum):
    KEEP = "keep"
    """Nothing changes."""
    REFUSE = "refuse"
    """Nothing changes, and the user is told so: Conflict."""
    RECORD = "record"
    """Only what is wanted is written: an attempt under way sees it at its next stage, a later one when it begins."""
    BEGIN = "begin"
    """Pending, from its first stage on."""
    TAKE_DOWN = "take down"
    """Pending, to be taken off the target's public list."""
    REMOVE = "remove"
    """Removed at once: there is nothing to take down."""
    CHAPTERS = "chapters"
    """Pending, from the stage of chapters on."""
    STEP_BACK = "step back"
    """As RECORD, and its chapters are written again where they have been already."""


_S, _O = Situation, Outcome
_KEEP, _NO, _NOTE, _BEGIN, _DOWN = _O.KEEP, _O.REFUSE, _O.RECORD, _O.BEGIN, _O.TAKE_DOWN
_GONE, _CHAPS, _BACK = _O.REMOVE, _O.CHAPTERS, _O.STEP_BACK
# fmt: off
_ROWS: tuple[tuple[Situation, *tuple[Outcome, ...]], ...] = (
    # situation            same    plan    other   retry   approve  withdraw unbegun rollback linked  chapters
    (_S.PENDING,           _KEEP,  _KEEP,  _BEGIN, _BEGIN, _NO,     _DOWN,   _GONE,  _BEGIN,  _KEEP,  _BACK),
    (_S.PROCESSING,        _KEEP,  _KEEP,  _NOTE,  _NO,    _NO,     _NOTE,   _NOTE,  _NOTE,   _KEEP,  _NOTE),
    (_S.PUBLISHED,         _KEEP,  _KEEP,  _BEGIN, _NO,    _NO,     _DOWN,   _GONE,  _BEGIN,  _KEEP,  _CHAPS),
    (_S.FAILED,            _BEGIN, _BEGIN, _BEGIN, _BEGIN, _NO,     _DOWN,   _GONE,  _BEGIN,  _BEGIN, _NOTE),
    (_S.REMOVED,           _BEGIN, _BEGIN, _BEGIN, _BEGIN, _NO,     _KEEP,   _KEEP,  _NO,     _KEEP,  _NOTE),
    (_S.HELD,              _KEEP,  _KEEP,  _BEGIN, _BEGIN, _NO,     _DOWN,   _GONE,  _BEGIN,  _BEGIN, _NOTE),
    (_S.FOR_APPROVAL,      _KEEP,  _KEEP,  _BEGIN, _BEGIN, _BEGIN,  _DOWN,   _GONE,  _BEGIN,  _KEEP,  _NOTE),
    (_S.PLANNED,           _BEGIN, _KEEP,  _BEGIN, _BEGIN, _BEGIN,  _DOWN,   _GONE,  _BEGIN,  _KEEP,  _NOTE),
    (_S.WITHDRAWING,       _BEGIN, _BEGIN, _BEGIN, _DOWN,  _NO,     _KEEP,   _KEEP,  _NO,     _KEEP,  _NOTE),
    (_S.WITHDRAWING_NOW,   _NOTE,  _NOTE,  _NOTE,  _NO,    _NO,     _KEEP,   _KEEP,  _NO,     _KEEP,  _NOTE),
    (_S.WITHDRAWAL_HELD,   _BEGIN, _BEGIN, _BEGIN, _DOWN,  _NO,     _KEEP,   _KEEP,  _NO,     _DOWN,  _NOTE),
    (_S.WITHDRAWAL_FAILED, _BEGIN, _BEGIN, _BEGIN, _DOWN,  _NO,     _DOWN,   _GONE,  _NO,     _DOWN,  _NOTE),
)
# fmt: on
TABLE: Mapping[Situation, Mapping[RequestKind, Outcome]] = {
    situation: dict(zip(RequestKind, outcomes, strict=True)) for situation, *outcomes in _ROWS
}

_WITHDRAWING: Mapping[PublicationStatus, Situation] = {
    PublicationStatus.PROCESSING: Situation.WITHDRAWING_NOW,
    PublicationStatus.HELD: Situation.WITHDRAWAL_HELD,
    PublicationStatus.FAILED: Situation.WITHDRAWAL_FAILED,
}
_HELD = {**dict.fromkeys(_APPROVABLE, Situation.FOR_APPROVAL), DRY_RUN: Situation.PLANNED}


def situation(status: PublicationStatus, code: str | None, *, withdrawing: bool) -> Situation:
    """What has become of a publication. code: its error code, which says what a held one waits for."""
    if status is PublicationStatus.REMOVED:
        return Situation.REMOVED
    if withdrawing:
        return _WITHDRAWING.get(status, Situation.WITHDRAWING)
    if status is PublicationStatus.HELD:
        return _HELD.get(code or "", Situation.HELD)
    return Situation(status)


def decide(request: RequestKind, now: Situation) -> Outcome:
    return TABLE[now][request]
