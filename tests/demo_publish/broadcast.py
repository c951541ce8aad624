"""A recording with a picture, made of one that is sound alone: what a station's server would hold, small."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 360
_RATE = 10  # pictures a second: a clock needs no more
_SOUND_RATE = 48_000  # Hz
_PIECE = 1_024  # samples in a frame of AAC
_BARS = ("#c0c0c0", "#c0c000", "#00c0c0", "#00c000", "#c000c0", "#c00000", "#0000c0")  # 75 % bars (SMPTE EG 1)
_INK, _SOFT, _BACK, _MARK = "#f2f5f8", "#9fb0c3", "#101a26", "#3d8bfd"
_BARS_END, _LINE_END = 150, 156  # rows; captions have the lower third to themselves


def write(path: Path, recording: Path, title: str, subtitle: str) -> float:
    """Write an MP4 (H.264, AAC) of a recording's sound under bars with a running clock; its length in seconds."""
    sound = _sound(recording)
    seconds = len(sound) / _SOUND_RATE
    with av.open(path, "w", options={"movflags": "faststart"}) as container:
        picture = container.add_stream("libx264", rate=_RATE, options={"preset": "ultrafast", "crf": "30"})
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture.gop_size = 2 * _RATE  # a viewer who jumps lands within two seconds
        speech = container.add_stream("aac", rate=_SOUND_RATE, layout="mono")
        card = _card(title, subtitle)
        pictures = 0
        for begin in range(0, len(sound), _PIECE):
            container.mux(speech.encode(_heard(sound, begin)))
            # Pictures are given as the sound goes, so that both lie side by side in the file.
            while pictures < (begin + _PIECE) / _SOUND_RATE * _RATE:
                frame = av.VideoFrame.from_image(_at(card, pictures / _RATE))
                frame.pts, frame.time_base = pictures, Fraction(1, _RATE)
                container.mux(picture.encode(frame))
                pictures += 1
        container.mux(picture.encode(None))
        container.mux(speech.encode(None))
    return seconds


def _sound(recording: Path) -> np.ndarray:
    """Mono float samples."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=_SOUND_RATE)
    with av.open(recording) as container:
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _heard(sound: np.ndarray, begin: int) -> av.AudioFrame:
    piece = np.ascontiguousarray(sound[begin : begin + _PIECE].reshape(1, -1))
    frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = _SOUND_RATE, begin, Fraction(1, _SOUND_RATE)
    return frame


def _card(title: str, subtitle: str) -> Image.Image:
    card = Image.new("RGB", (WIDTH, HEIGHT), _BACK)
    draw = ImageDraw.Draw(card)
    for number, colour in enumerate(_BARS):
        left, right = (round(n * WIDTH / len(_BARS)) for n in (number, number + 1))
        draw.rectangle((left, 0, right - 1, _BARS_END - 1), fill=colour)
    draw.text((24, 176), title, font=ImageFont.load_default(26), fill=_INK)
    draw.text((24, 212), subtitle, font=ImageFont.load_default(15), fill=_SOFT)
    return card


def _at(card: Image.Image, second: float) -> Image.Image:
    """The card with its clock, and a line that goes round once in ten seconds: whoever watches sees that it runs."""
    shown = card.copy()
    draw = ImageDraw.Draw(shown)
    draw.rectangle((0, _BARS_END, round(second % 10 / 10 * WIDTH), _LINE_END - 1), fill=_MARK)
    minutes, rest = divmod(second, 60)
    clock = f"{int(minutes):02}:{rest:04.1f}"
    draw.text((WIDTH - 24, 176), clock, font=ImageFont.load_default(26), fill=_INK, anchor="ra")
    return shown
