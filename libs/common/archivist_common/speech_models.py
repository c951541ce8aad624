"""Speech models as folders on a machine: which there are, and what a folder must hold. Only names and sizes."""

import contextlib
import sys
import sysconfig
from pathlib import Path

from archivist_common.errors import ModelMissing, ModelUnknown

DEMO = "demo"
"""The small bundled model: synthetic speech only, for trying things out."""

SIZES = (
    "tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en", "large-v1", "large-v2",
    "large-v3", "large", "large-v3-turbo", "turbo",
    "distil-small.en", "distil-medium.en", "distil-large-v2", "distil-large-v3", "distil-large-v3.5",
)  # fmt: skip
"""Names of models that are published; having one means a folder of that name."""

_FILES = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES = ("vocabulary.json", "vocabulary.txt")


_LONGEST_NAME = 50
"""Characters of the `model` column."""


def known(directory: Path) -> tuple[str, ...]:
    """Names that can be used now: the demo model's and those of complete folders in `directory`."""
    found = {DEMO} if demo_folder() is not None else set()
    with contextlib.suppress(OSError):
        found |= {entry.name for entry in directory.iterdir() if entry.is_dir() and not missing_files(entry)}
    return tuple(sorted(found))


def choose(name: str | None, *, default: Path | None, directory: Path) -> str:
    """The name of the model a job is to use. name: the one requested; None: the default model's.

    default: WHISPER_MODEL_PATH, which only the transcriber needs to read. directory: MODEL_DIRECTORY.
    Raises ModelUnknown, naming those that exist, and ModelMissing for a published one that is not here.
    """
    if name is None:
        if default is None:
            raise ModelMissing(f"no speech model is set: name its folder in WHISPER_MODEL_PATH ({describe_files()})")
        if len(default.name) > _LONGEST_NAME:
            raise ModelUnknown(f"the folder of WHISPER_MODEL_PATH has a name longer than {_LONGEST_NAME} characters")
        return default.name
    there = known(directory)
    if name in there or (default is not None and name == default.name):
        return name
    if name in SIZES:
        raise ModelMissing(f"model {name} is not on this machine: fill its folder with {describe_files()}")
    names = sorted({*there, *([] if default is None else [default.name])})
    raise ModelUnknown(f"unknown model {name!r}; there is {', '.join(names) or 'none'}")


def demo_folder() -> Path | None:
    """The bundled model: in the checkout this package runs from, or where the wheel put it."""
    checkout = Path(__file__).resolve().parents[3] / "demo"
    installed = [Path(root) / "share/archivist/demo" for root in (sys.prefix, sysconfig.get_path("data"))]
    return next((folder for folder in [checkout, *installed] if not missing_files(folder)), None)


def missing_files(folder: Path) -> tuple[str, ...]:
    """Names of the files a model folder lacks. An empty file is a missing one."""
    missing = [name for name in _FILES if not _has(folder / name)]
    if not any(_has(folder / name) for name in _VOCABULARIES):
        missing.append(" or ".join(_VOCABULARIES))
    return tuple(missing)


def describe_files() -> str:
    return f"{', '.join(_FILES)} and {' or '.join(_VOCABULARIES)} of a CTranslate2 Whisper model"


def _has(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False
