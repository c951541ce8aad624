"""Whisper models of true size without true weights, for measuring: what they compute costs what the real ones cost.

Nothing is downloaded. Whatever they hear, greedy decoding writes the same hundred words: the decoder's position
codes outweigh all else in it, and each points at the token of its place. So every pipeline gets equal tokens.
Sizes: the table of Radford et al., 2022, "Robust Speech Recognition via Large-Scale Weak Supervision".
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archivist_common.speech_models import missing_files

Weights = NDArray[np.float32]

SIZES: dict[str, tuple[int, int, int, tuple[tuple[int, int], ...]]] = {
    "tiny": (4, 384, 6, ((2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5))),
    "base": (6, 512, 8, ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))),
    "small": (
        12, 768, 12,
        ((5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5)),
    ),
}  # fmt: skip
"""Layers of encoder and of decoder, width, heads, and the (layer, head) pairs that the original aligns words by."""

WORDS = 100  # text tokens in a window: what people say in 30 seconds

_MELS, _KERNEL, _FRAMES = 80, 3, 1_500
_POSITIONS = 448
_LANGUAGES = 99
_TEXT = 50_256  # text tokens; the next one is empty, by which CTranslate2 knows a multilingual model
_END = _TEXT + 1
_TIMESTAMPS = 1_501
_PROMPT = 3  # tokens before the first timestamp or <|notimestamps|>
_SCALE = 0.05  # of random weights and of token codes
_QUIET = 0.05  # of what layers add to the sum that carries the position code
_LOUD = 60.0  # position code over token code


def make(size: str, folder: Path) -> Path:
    """The model of a size of SIZES in `folder`, made unless it is there. Weights are int8, the seed is fixed."""
    if missing_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tokens, special = _vocabulary()
        (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(tokens, special)))
        _save(size, [*tokens, *special, *(f"<|{n * 0.02:.2f}|>" for n in range(_TIMESTAMPS))], folder)
    return folder


def _save(size: str, vocabulary: list[str], folder: Path) -> None:
    from ctranslate2.specs import WhisperSpec

    layers, width, heads, aligning = SIZES[size]
    spec = WhisperSpec(layers, heads, layers, heads)
    random = np.random.default_rng(layers)
    _fill_encoder(spec.encoder, width, random)
    _fill_decoder(spec.decoder, width, len(vocabulary), random)
    spec.register_vocabulary(vocabulary)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [_TEXT, _END]
    spec.config.lang_ids = list(range(_END + 2, _END + 2 + _LANGUAGES))
    spec.config.alignment_heads = [list(pair) for pair in aligning]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))


def _fill_encoder(encoder: Any, width: int, random: np.random.Generator) -> None:
    for layer, inputs in ((encoder.conv1, _MELS), (encoder.conv2, width)):
        layer.weight = _random(random, width, inputs, _KERNEL)
        layer.bias = np.zeros(width, np.float32)
    encoder.position_encodings.encodings = _random(random, _FRAMES, width)
    _fill_norm(encoder.layer_norm, width)
    for layer in encoder.layer:
        _fill_attention(layer.self_attention, width, random, joined=True)
        _fill_feed_forward(layer.ffn, width, random)


def _fill_decoder(decoder: Any, width: int, vocabulary: int, random: np.random.Generator) -> None:
    codes = _random(random, vocabulary, width)
    codes -= codes.mean(axis=1, keepdims=True)  # the last layer norm would take it off
    positions = _random(random, _POSITIONS, width)
    written = list(_script())
    positions[_PROMPT - 1 : _PROMPT - 1 + len(written)] = codes[written] * _LOUD
    decoder.embeddings.weight = codes
    decoder.projection.weight = codes
    decoder.position_encodings.encodings = positions
    _fill_norm(decoder.layer_norm, width)
    for layer in decoder.layer:
        _fill_attention(layer.self_attention, width, random, joined=True)
        _fill_attention(layer.attention, width, random, joined=False)
        _fill_feed_forward(layer.ffn, width, random)


def _script() -> Iterator[int]:
    """What is written from the last token of the prompt on.

    With time codes the first is <|0.00|>. Without, <|notimestamps|> stands in its place in the prompt.
    A closing time code makes faster-whisper go on by a whole window, however words are aligned.
    """
    first = _END + 1 + 1 + _LANGUAGES + 6
    yield first
    yield from range(1_000, 1_000 + WORDS * 97, 97)
    yield first + _TIMESTAMPS - 1
    yield _END


def _fill_attention(spec: Any, width: int, random: np.random.Generator, *, joined: bool) -> None:
    """joined: queries, keys and values in one matrix, as self-attention has them."""
    _fill_norm(spec.layer_norm, width)
    outputs = [3 * width] if joined else [width, 2 * width]
    for linear, size in zip(spec.linear, [*outputs, width], strict=True):
        _fill_linear(linear, size, width, random)
    spec.linear[-1].weight *= _QUIET


def _fill_feed_forward(spec: Any, width: int, random: np.random.Generator) -> None:
    _fill_norm(spec.layer_norm, width)
    _fill_linear(spec.linear_0, 4 * width, width, random)
    _fill_linear(spec.linear_1, width, 4 * width, random)
    spec.linear_1.weight *= _QUIET


def _fill_linear(spec: Any, outputs: int, inputs: int, random: np.random.Generator) -> None:
    spec.weight = _random(random, outputs, inputs)
    spec.bias = np.zeros(outputs, np.float32)


def _fill_norm(spec: Any, width: int) -> None:
    spec.gamma, spec.beta = np.ones(width, np.float32), np.zeros(width, np.float32)


def _random(random: np.random.Generator, *shape: int) -> Weights:
    return random.standard_normal(shape, np.float32) * np.float32(_SCALE)


def _vocabulary() -> tuple[list[str], list[str]]:
    """Text tokens as byte-level BPE writes them, and the special ones, in the order Whisper has them."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    tokens = [*_byte_letters(), *itertools.islice(_made_up(), _TEXT - 256), ""]
    names = ["endoftext", "startoftranscript", *_LANGUAGE_CODES[:_LANGUAGES], "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    return tokens, [f"<|{name}|>" for name in names]


def _byte_letters() -> list[str]:
    """One printable letter for each byte: GPT-2's table."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [n for n in range(256) if n not in plain]
    return [chr(n) for n in plain] + [chr(256 + n) for n in range(len(others))]


def _made_up() -> Iterator[str]:
    """Words of two and three syllables; every third is the rest of a word, without the space before it."""
    syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
    for n in itertools.count():
        first, second = divmod(n, len(syllables))
        third, first = divmod(first, len(syllables))
        word = syllables[second] + syllables[first] + (syllables[third - 1] if third else "")
        yield word if n % 3 == 2 else f"Ġ{word}"


def _tokenizer(tokens: list[str], special: list[str]) -> dict[str, Any]:
    """tokenizer.json. Without merges: it need only write, and read single letters."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    marks = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": len(tokens) + n, "content": text, **marks} for n, text in enumerate(special)],
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {"type": "BPE", "vocab": {text: n for n, text in enumerate(tokens)}, "merges": []},
    }
