"""Independent readers that know nothing of us: ttconv's model, FFmpeg's caption decoder, pycaption's captions."""

import io
import re
from collections.abc import Iterator
from typing import Any

import av
import ttconv.model
from pycaption import SCCReader


def paragraphs_of(element: Any) -> Iterator[Any]:
    if isinstance(element, ttconv.model.P):
        yield element
    else:
        for child in element:
            yield from paragraphs_of(child)


def text_of_model(element: Any) -> str:
    if isinstance(element, ttconv.model.Text):
        return str(element.get_text())
    if isinstance(element, ttconv.model.Br):
        return "\n"
    return "".join(text_of_model(child) for child in element)


_FFMPEG_GLYPHS = str.maketrans({"’": "'", "´": "‘", "·": "•"})
_TAG = re.compile(r"\{\\[^}]*\}")


def ffmpeg_screens(scc: str) -> list[list[str]]:
    """The rows of every screen as FFmpeg decodes them; its glyphs for three characters are mapped to ours."""
    container: Any = av.open(io.BytesIO(scc.encode()), format="scc")
    with container:
        packets = container.demux(container.streams[0])
        texts = [subtitle.ass.decode().split(",", 8)[8] for packet in packets for subtitle in packet.decode()]
    return [
        [_TAG.sub("", row).replace("\\h", " ").strip().translate(_FFMPEG_GLYPHS) for row in text.split("\\N")]
        for text in texts
    ]


def pycaption_screens(scc: str) -> list[tuple[float, float, str]]:
    """Start and end in microseconds and text of every caption as pycaption reads them."""
    captions = SCCReader().read(scc).get_captions("en-US")
    return [(caption.start, caption.end, caption.get_text()) for caption in captions]
