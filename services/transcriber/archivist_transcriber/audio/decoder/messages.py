"""Messages of the decoder process: a kind byte, a length and a body, on its standard output.

Kinds: I information (JSON), A audio (16-bit mono 16 kHz; one shorter than BLOCK is the last), S sound left out on the
way to the start (empty; SKIPPED samples), E error (JSON), Z end (JSON).
"""

import json
import os
import struct
from typing import Any

RATE = 16_000  # samples a second, what every speech model here takes
BLOCK = 10 * RATE  # samples in a message
SKIPPED = 6 * BLOCK  # samples left out at the start for which one message is sent: a sign of life

MAX_STREAMS = 32
MAX_HOURS = 24


class Refused(Exception):
    """Something to tell the parent: a code of `archivist_common.errors` and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def unreadable(message: str) -> Refused:
    return Refused("MEDIA_UNREADABLE", message)


def send(kind: bytes, body: bytes) -> None:
    view = memoryview(struct.pack("<cI", kind, len(body)) + body)
    while view:
        view = view[os.write(1, view) :]


def send_json(kind: bytes, value: dict[str, Any]) -> None:
    send(kind, json.dumps(value).encode())
