"""Settings of the speech workers."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field

from archivist_common.settings.captions import CaptionSettings, SccSettings
from archivist_common.settings.parsing import Seconds
from archivist_common.settings.speech import SpeechSettings


class TranscriberSettings(CaptionSettings, SpeechSettings, SccSettings):
    """The speech workers."""

    transcriber_host: str = "127.0.0.1"
    transcriber_port: int = Field(default=8001, ge=0, le=65_535)
    whisper_engine: Literal["faster_whisper", "whisperx"] = "faster_whisper"
    """`whisperx` adds forced alignment; it needs the whisperx extra and MODEL_DIRECTORY/align-<language>."""
    whisper_device: Literal["auto", "cpu", "cuda"] = "auto"
    whisper_compute_type: str = "default"
    """int8, float16, float32 …; `default` is int8 on a CPU and float16 on a GPU."""
    whisper_batch_size: int = Field(default=4, ge=1, le=64)
    """Windows decoded together. Past 4 a CPU gains nothing (docs/operations/speed.md)."""
    whisper_beam_size: int = Field(default=1, ge=1, le=10)
    whisper_speakers: bool = False
    """Diarization, by the whisperx extra and MODEL_DIRECTORY/speakers, after the transcript is stored."""
    worker_concurrency: int | None = Field(
        default=None, ge=1, validation_alias=AliasChoices("WORKER_CONCURRENCY", "CELERY_WORKER_CONCURRENCY")
    )
    """Slots, each pinned to cores of its own. Unset: by cores and memory."""
    temp_directory: Path = Path("/tmp/archivist")  # noqa: S108 -- the documented default
    """Temporary files of libraries. Recordings and their sound never go there."""
    media_deadline: Seconds = timedelta(seconds=60)
    """A probe, or a decoder that has sent nothing for this long, is ended (timeout)."""
