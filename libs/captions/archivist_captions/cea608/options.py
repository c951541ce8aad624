"""How a server wants its SCC."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from archivist_captions.timecode import NTSC_30, TRUE_30, frame_of_label, is_drop_frame


@dataclass(frozen=True, slots=True)
class SccOptions:
    """What a station or a server asks of its files.

    start_label: label of the first picture, of the kind that drop_frame says; empty means zero.
    offset_ms: added to every time. rate: 30000/1001, or 30 for true 30 fps (non-drop only).
    chain_gap_ms: a shorter gap between captions is not blanked. newline: LF or CRLF.
    mode: pop-on for what is prepared, roll-up for the look of live captions. depth: rows of a roll-up, 2 to 4.
    """

    drop_frame: bool = True
    start_label: str = ""
    offset_ms: int = 0
    rate: Fraction = NTSC_30
    chain_gap_ms: int = 500
    newline: str = "\n"
    mode: Literal["pop-on", "roll-up"] = "pop-on"
    depth: int = 3

    def __post_init__(self) -> None:
        if self.start_label and is_drop_frame(self.start_label) != self.drop_frame:
            raise ValueError(f"drop_frame={self.drop_frame} and a start label of the other kind: {self.start_label}")
        if self.rate not in (NTSC_30, TRUE_30):
            raise ValueError(f"SCC knows 30000/1001 and 30 frames per second: {self.rate}")
        if self.drop_frame and self.rate != NTSC_30:
            raise ValueError("drop-frame labels exist at 30000/1001 frames per second only")
        if self.newline not in ("\n", "\r\n"):
            raise ValueError(f"newline is LF or CRLF: {self.newline!r}")
        if self.mode not in ("pop-on", "roll-up") or not 2 <= self.depth <= 4:
            raise ValueError(f"captions pop on, or roll up in 2 to 4 rows: {self.mode!r}, {self.depth}")
        self.first_frame  # noqa: B018  # raises for a label that does not exist

    @property
    def first_frame(self) -> int:
        """Frame number of the first picture."""
        return frame_of_label(self.start_label) if self.start_label else 0
