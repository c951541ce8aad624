"""Times and lines as text formats write them."""


def clock(ms: int, mark: str) -> str:
    """`HH:MM:SS` + mark + `mmm`. Hours take as many digits as they need; they never wrap."""
    seconds, ms = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{ms:03}"


def one_line(text: str) -> str:
    """The text with every run of white space, line ends included, as one space; controls are dropped."""
    joined = " ".join(text.split())
    return "".join(character for character in joined if character.isprintable() or character == "\u200d")
