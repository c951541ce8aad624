"""What may go wrong between starting a stack and stopping it."""

from archivist_common.errors import ArchivistError


class StackError(ArchivistError):
    """A server or service could not be started. The message is a sentence for the person at the keyboard."""

    code = "STACK_ERROR"


class StackInterrupted(StackError):
    """Somebody asked us to stop before everything was ready; everything was stopped."""

    code = "STACK_INTERRUPTED"
