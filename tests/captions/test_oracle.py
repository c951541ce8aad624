"""Our files read by somebody else's decoder: ttconv's SCC reader knows nothing of us."""

from fractions import Fraction

import pytest
import ttconv.scc.reader

from archivist_captions.cea608.encoder import SccOptions, encode
from archivist_captions.cea608.verifier import play
from archivist_captions.cue import Cue
from archivist_captions.timecode import NTSC_30

from .oracle import paragraphs_of, text_of_model
from .programmes import benign, easy, hazards


@pytest.mark.parametrize(
    "cues",
    [pytest.param(easy(), id="easy"), pytest.param(benign(120), id="benign"), pytest.param(hazards(), id="hazards")],
)
@pytest.mark.parametrize("drop_frame", [True, False])
def test_ttconv_shows_the_same_text_at_the_same_frames(cues: list[Cue], drop_frame: bool) -> None:
    text = encode(cues, SccOptions(drop_frame=drop_frame)).text
    body = ttconv.scc.reader.to_model(text).get_body()
    # Their table draws a caret as a turned v.
    theirs = [
        (
            paragraph.get_begin() * NTSC_30,
            paragraph.get_end() * NTSC_30,
            text_of_model(paragraph).replace("ʌ", "^").split(),
        )
        for paragraph in paragraphs_of(body)
    ]
    ours = [
        (Fraction(screen.start), None if screen.end is None else Fraction(screen.end), screen.text.split())
        for screen in play(text).screens
    ]
    assert theirs == ours
