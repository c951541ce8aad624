"""Settings of the speech model: for the transcriber, and for the gateway, which checks what a job names."""

from pathlib import Path

from pydantic import Field

from archivist_common.settings.common import CommonSettings


class SpeechSettings(CommonSettings):
    """Which speech models exist and what a recording speaks where its job does not say."""

    whisper_model_path: Path | None = None
    """Folder of the speech model used where a job names none: model.bin, config.json, tokenizer.json, vocabulary.*"""
    model_directory: Path = Path("/opt/models")
    """Folder of further models, one folder each; a job may name one."""
    default_language: str = Field(default="en", max_length=10)
    """Language of a recording where its job names none."""
