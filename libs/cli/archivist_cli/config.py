"""What the command line knows of the settings: the environment, a `.env` here, and folders of its own."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from archivist_cli.local.errors import StackError
from archivist_common import speech_models

_PLAIN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def settings() -> dict[str, str]:
    """The environment over a `.env` in this folder: what the services will be told."""
    found = {name: value for name, value in dotenv_values(".env").items() if value}
    return found | dict(os.environ)


def data_folder(given: Path | None) -> Path:
    """Where an installation keeps what is its own: --data, or the user's data folder."""
    if given is not None:
        return given.absolute()
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(home) / "archivist"


def model_directory(found: Mapping[str, str]) -> Path:
    """Where speech models are kept, one folder each: MODEL_DIRECTORY, or the user's cache."""
    if "MODEL_DIRECTORY" in found:
        return Path(found["MODEL_DIRECTORY"])
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "archivist/models"


def storage_servers(folders: Mapping[str, Path]) -> str:
    """FLEX_SERVERS for plain folders by name."""
    return json.dumps([{"name": name, "path": str(path), "kind": "folder"} for name, path in folders.items()])


def storage_name(folder: Path) -> str:
    """A storage server's name for a folder: its own, with what a name may not hold replaced."""
    return _PLAIN_NAME.sub("-", folder.name).strip("-.")[:40] or "media"


def demo_folder() -> Path:
    """The bundled model and recordings. Raises StackError where the installation has none."""
    folder = speech_models.demo_folder()
    if folder is None:
        raise StackError("the demo model is not part of this installation: clone the repository for its demo folder")
    return folder


def checked_model(folder: Path) -> Path:
    """A model folder that holds what it must. Raises StackError with what it lacks, before anything is started."""
    missing = speech_models.missing_files(folder)
    if missing:
        state = f"lacks {', '.join(missing)}" if folder.is_dir() else "does not exist"
        raise StackError(f"the model folder {folder} {state}: fill it with {speech_models.describe_files()}")
    return folder
