"""Our files read by decoders that know nothing of us: ttconv, FFmpeg, pycaption; what they read otherwise is said."""

from fractions import Fraction
from itertools import groupby
from typing import Literal

import pytest
import ttconv.scc.reader
from tests.captions.cea608.oracle import ffmpeg_screens, paragraphs_of, pycaption_screens, text_of_model

from archivist_bench.caption_trials import benign, easy, hazards
from archivist_captions.cea608.characters import SHOWABLE
from archivist_captions.cea608.encoder import SccOptions, encode
from archivist_captions.cea608.verifier import play
from archivist_captions.cue import Cue
from archivist_captions.timecode import NTSC_30


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


def _distinct(screens: list[list[str]]) -> list[list[str]]:
    """Without repeats: FFmpeg shows a caption that says the same again as one."""
    return [screen for screen, _ in groupby(screens)]


@pytest.mark.parametrize("mode", ["pop-on", "roll-up"])
@pytest.mark.parametrize("cues", [pytest.param(benign(40), id="benign"), pytest.param(hazards(), id="hazards")])
def test_ffmpeg_shows_the_same_rows(cues: list[Cue], mode: Literal["pop-on", "roll-up"]) -> None:
    text = encode(cues, SccOptions(mode=mode)).text
    # FFmpeg has a hyphen where 608 has a dash, and takes the third and fourth copy of a pair for repeats as well.
    ours = [[row.text.replace("—", "-").replace("♪♪", "♪") for row in screen.rows] for screen in play(text).screens]
    theirs = _distinct(ffmpeg_screens(text))
    if mode == "roll-up":  # FFmpeg shows a row when it is complete
        ours = [screen for screen in ours if screen in theirs]
    assert _distinct(ours) == theirs


def test_ffmpeg_reads_every_character() -> None:
    characters = sorted(SHOWABLE - set(" {}"))  # braces are tags in what FFmpeg gives out
    lines = [" ".join(characters[first : first + 12]) for first in range(0, len(characters), 12)]
    cues = [Cue(2_000 + 4_000 * place, 5_000 + 4_000 * place, (line,)) for place, line in enumerate(lines)]
    shown = [row for screen in ffmpeg_screens(encode(cues).text) for row in screen]
    expected = [line.replace("—", "-") for line in lines]
    assert shown == expected


# What pycaption reads otherwise, and so cannot judge: drop-frame labels (it takes them for seconds of the clock,
# out by up to two frames in a minute), the bar and the broken bar (changed about), the block (left out).
_PYCAPTION = str.maketrans({"\u00a0": " ", "¦": "|", "|": "¦"})


def _frame(microseconds: float) -> float:
    """Its times are floats: a thousandth of a frame is forgiven."""
    return round(microseconds * NTSC_30 / 1_000_000, 3)


@pytest.mark.parametrize(
    "cues",
    [pytest.param(easy(), id="easy"), pytest.param(benign(300), id="benign"), pytest.param(hazards(), id="hazards")],
)
def test_pycaption_shows_the_same_text_at_the_same_frames_of_non_drop_files(cues: list[Cue]) -> None:
    text = encode(cues, SccOptions(drop_frame=False)).text
    theirs = [
        (_frame(start), _frame(end), shown.translate(_PYCAPTION).split())
        for start, end, shown in pycaption_screens(text)
    ]
    assert theirs == [(screen.start, screen.end, screen.text.split()) for screen in play(text).screens]


def test_pycaption_reads_every_character_but_the_block() -> None:
    characters = sorted(SHOWABLE - {" ", "█"})
    lines = [" ".join(characters[first : first + 12]) for first in range(0, len(characters), 12)]
    cues = [Cue(2_000 + 4_000 * place, 5_000 + 4_000 * place, (line,)) for place, line in enumerate(lines)]
    shown = pycaption_screens(encode(cues, SccOptions(drop_frame=False)).text)
    assert [text.translate(_PYCAPTION) for _, _, text in shown] == lines
