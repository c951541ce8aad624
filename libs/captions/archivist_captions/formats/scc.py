"""Scenarist SCC: CEA-608 as text. The file that goes to air."""

from archivist_captions.cea608.encoder import Encoded, SccOptions, encode
from archivist_captions.cue import Captions

__all__ = ["Encoded", "SccOptions", "write", "write_scc"]


def write(captions: Captions) -> bytes:
    """The file with default options: drop-frame, first picture at 00:00:00;00, LF. ASCII."""
    return write_scc(captions).text.encode("ascii")


def write_scc(captions: Captions, options: SccOptions | None = None) -> Encoded:
    """The file's text and a note for every compromise. Raises CannotEncode, which names the cue."""
    return encode(captions.cues, options)
