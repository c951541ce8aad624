"""What the command line knows of the settings: the environment, a `.env` here, and folders of its own."""

import json
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError

from archivist_cli.local import environment
from archivist_cli.local.errors import StackError
from archivist_common import speech_models
from archivist_common.settings import (
    ApiSettings,
    MonitorSettings,
    TranscriberSettings,
    VodSettings,
    faults,
    names,
    notices,
)

_PLAIN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def settings() -> dict[str, str]:
    """The environment over a `.env` in this folder: what is passed to the services."""
    found = {name: value for name, value in dotenv_values(".env").items() if value}
    return found | dict(os.environ)


def check(found: Mapping[str, str]) -> None:
    """Read the settings as every process will, before anything is started, and print once what has no effect.

    Raises StackError with a line for each variable that a process would refuse: placeholders in production, too.
    """
    own = {"DATABASE_URL": "postgresql://archivist@/archivist"}  # where none is given, those of our own servers
    if not any(found.get(name) for name in names(ApiSettings, "secret_key")):
        own["SECRET_KEY"] = secrets.token_urlsafe(48)
    refused: dict[str, None] = {}
    said: dict[str, None] = {}
    by_name = {name.lower(): value for name, value in found.items() if value}
    for cls in (ApiSettings, TranscriberSettings, VodSettings, MonitorSettings):
        try:
            read = environment.read(cls, own | {name: value for name, value in found.items() if value})
        except ValidationError as exc:
            refused |= dict.fromkeys(faults(exc))
        else:
            said |= dict.fromkeys(notices(read, [by_name], dotenv_values(".env").keys()))
    if refused:
        raise StackError("\n  ".join(["these settings are refused:", *refused]))
    if said:
        print("\n  ".join(["Some settings have no effect or need a change:", *said]), file=sys.stderr)


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
