"""What can go wrong with captions. Every class is a ValueError: the input is at fault, not the machine."""


class CaptionsError(ValueError):
    """Base of this library's errors."""


class CannotEncode(CaptionsError):
    """A programme that no legal file can hold. The message names the cue."""


class CannotRead(CaptionsError):
    """A file that is not what its name says. The message names the line where there is one."""
