"""What every caption format promises, whatever it is. A new entry of FORMATS is tested here by being one."""

import pytest

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.formats import FORMATS
from archivist_captions.layout.layout import layout
from archivist_common.storage.paths import OUTPUT_ENDINGS

SENTENCE = "Don’t delay — José moved <b>Ordinance 2024-17</b> & the “Q&A” at 7:30 p.m. 👍"
WORDS = tuple(
    Word(start_ms=1_000 + n * 350, end_ms=1_300 + n * 350, text=text, confidence=0.9)
    for n, text in enumerate(SENTENCE.split())
)
HAZARDS = Captions(cues=layout(WORDS), words=WORDS, title="Mayor's Q&A – José --> [final]")
LONG = Captions(
    cues=tuple(Cue(n * 4_000, n * 4_000 + 3_000, ("Aye.", "All in favor?")) for n in range(3_000)),
    title="three hours and more",
)

every_format = pytest.mark.parametrize("name", FORMATS)


@every_format
def test_it_is_registered_under_its_own_name_with_a_media_type(name: str) -> None:
    form = FORMATS[name]
    assert form.name == name
    assert "/" in form.media_type
    assert not form.extension.startswith(".")


def test_no_two_formats_write_to_the_same_file() -> None:
    endings = list(OUTPUT_ENDINGS.values())
    assert len(set(endings)) == len(endings)
    assert set(FORMATS) <= set(OUTPUT_ENDINGS)


@every_format
def test_a_programme_without_a_word_is_a_file_and_not_an_error(name: str) -> None:
    assert isinstance(FORMATS[name].write(Captions(cues=())), bytes)


@every_format
@pytest.mark.parametrize("captions", [HAZARDS, LONG], ids=["hazards", "long"])
def test_the_same_captions_give_the_same_bytes(name: str, captions: Captions) -> None:
    first = FORMATS[name].write(captions)
    assert first
    assert FORMATS[name].write(captions) == first


@every_format
def test_every_cue_of_a_long_programme_is_in_the_file(name: str) -> None:
    read = FORMATS[name].read
    written = FORMATS[name].write(LONG)
    if read is not None:
        assert len(read(written).cues) == len(LONG.cues)
    else:
        assert written.count(b"All in favor?") == len(LONG.cues)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.read is not None])
def test_what_it_wrote_it_reads_back(name: str) -> None:
    read = FORMATS[name].read
    assert read is not None
    again = read(FORMATS[name].write(HAZARDS))
    assert [cue.start_ms // 100 for cue in again.cues] == pytest.approx(
        [cue.start_ms // 100 for cue in HAZARDS.cues], abs=1
    )
    assert "2024-17" in " ".join(cue.text for cue in again.cues)
