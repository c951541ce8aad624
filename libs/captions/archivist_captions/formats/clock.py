"""Times and lines as text formats write them."""

import re

_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})", re.ASCII)


def clock(ms: int, mark: str) -> str:
    """`HH:MM:SS` + mark + `mmm`. Hours take as many digits as they need; they never wrap."""
    seconds, ms = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}"


def ms_of_clock(text: str) -> int:
    """Milliseconds of `HH:MM:SS,mmm` or `MM:SS.mmm`. Raises ValueError for anything else."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None or int(match[2]) > 59 or int(match[3]) > 59:
        raise ValueError(f"not a time: {text!r}")
    hours, minutes, seconds = int(match[1] or 0), int(match[2]), int(match[3])
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000 + int(match[4].ljust(3, "0"))


def one_line(text: str) -> str:
    """The text with every run of white space, line ends included, as one space; controls are dropped."""
    joined = " ".join(text.split())
    return "".join(character for character in joined if character.isprintable() or character == "\u200d")


def is_plain(text: str) -> bool:
    """Whether `one_line` would leave the text as it is."""
    return text.isprintable() and text == " ".join(text.split())
