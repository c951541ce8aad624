"""Speech models as folders on this machine: by path, by name, and how to get one."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from archivist_common.errors import ModelMissing, ModelUnknown
from archivist_common.speech_models import DEMO, SIZES, demo_folder, describe_files, known, missing_files

_REPOSITORIES = {
    "tiny": "Systran/faster-whisper-tiny",
    "tiny.en": "Systran/faster-whisper-tiny.en",
    "base": "Systran/faster-whisper-base",
    "base.en": "Systran/faster-whisper-base.en",
    "small": "Systran/faster-whisper-small",
    "small.en": "Systran/faster-whisper-small.en",
    "medium": "Systran/faster-whisper-medium",
    "medium.en": "Systran/faster-whisper-medium.en",
    "large-v1": "Systran/faster-whisper-large-v1",
    "large-v2": "Systran/faster-whisper-large-v2",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}
"""Where each of SIZES is published; the table of faster-whisper 1.2 (a test compares them)."""


def resolve(name: str | None, *, default: Path | None, directory: Path) -> Path:
    """The folder of a model, complete.

    name: `demo`, an absolute path, a folder beneath `directory` or a size such as `large-v3`; None takes `default`
    (WHISPER_MODEL_PATH). directory: MODEL_DIRECTORY.
    Raises ModelUnknown for a name that can be no model, ModelMissing for one whose files are not here.
    """
    if name is None and default is None:
        raise ModelMissing(
            f"no speech model is set: put one into a folder beneath {directory} and name that folder in "
            f"WHISPER_MODEL_PATH ({describe_files()}); {_how_to_fetch('small', directory)}"
        )
    folder = _folder(name, directory) if name is not None else default
    assert folder is not None  # noqa: S101 -- one of the two is set
    if not folder.is_dir() and name in SIZES:
        raise ModelMissing(
            f"model {name} is not on this machine: fill {folder} with {describe_files()}; "
            f"{_how_to_fetch(name or '', directory)}"
        )
    check_folder(folder)
    return folder


def check_folder(folder: Path) -> None:
    """Raises ModelMissing, naming the folder and what it lacks."""
    missing = missing_files(folder)
    if missing:
        state = "does not exist" if not folder.is_dir() else f"lacks {', '.join(missing)}"
        raise ModelMissing(f"the model folder {folder} {state}: fill it with {describe_files()}")


def _how_to_fetch(name: str, directory: Path) -> str:
    return f"with internet access: python -m archivist_transcriber.engines.models fetch {name} --into {directory}"


def _folder(name: str, directory: Path) -> Path:
    if name == DEMO:
        demo = demo_folder()
        if demo is None:
            raise ModelMissing("the demo model is not part of this installation: clone the repository for demo/")
        return demo
    if Path(name).is_absolute():
        return Path(name)
    if name in SIZES:
        return directory / name
    plain = name not in {"", ".", ".."} and "/" not in name and "\0" not in name
    if not plain or not (directory / name).is_dir():
        choices = ", ".join([*dict.fromkeys([*known(directory), *SIZES])])
        raise ModelUnknown(f"unknown model {name!r}: give an absolute path or one of {choices}")
    return directory / name


def fetch(name: str, into: Path) -> Path:
    """Download a size into `into`/`name`, progress bars on standard error. What is there already is kept.

    Raises ModelUnknown, and ModelMissing with the way out where it cannot be had.
    """
    if name not in SIZES:
        raise ModelUnknown(f"unknown model {name!r}: choose one of {', '.join(SIZES)}")
    folder = into / name
    if not missing_files(folder):
        return folder
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        # faster_whisper.download_model hides the progress and gives an argument that newer hubs refuse.
        snapshot_download(
            _REPOSITORIES[name],
            local_dir=folder,
            allow_patterns=["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*"],
        )
    except (OSError, ValueError, httpx.HTTPError, HfHubHTTPError) as exc:
        reason = str(exc).partition("\n")[0][:200] or type(exc).__name__
        raise ModelMissing(
            f"model {name} cannot be downloaded ({reason}): fill {folder} with {describe_files()} from a machine "
            f"that has internet access ({_REPOSITORIES[name]})"
        ) from exc
    check_folder(folder)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m archivist_transcriber.engines.models", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    get = commands.add_parser("fetch", help="download a model")
    get.add_argument("name", help=", ".join(SIZES))
    get.add_argument("--into", type=Path, required=True, metavar="DIR", help="MODEL_DIRECTORY")
    options = parser.parse_args(arguments)
    try:
        folder = fetch(options.name, options.into)
    except (ModelUnknown, ModelMissing) as exc:
        sys.stderr.write(f"{exc.message}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
