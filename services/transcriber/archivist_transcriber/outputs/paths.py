"""Where a job's files go: an attempt's own folder first, and the public names. Paths only.

The vault, `<output>/.archivist/<job>/<attempt>/`, holds what each attempt made; only the attempt that completed
the job is pointed at from the database, so an attempt that lost its lease writes where nothing is read.
"""

from pathlib import Path, PurePosixPath

from archivist_common.storage.client import StorageServer
from archivist_common.storage.paths import OUTPUT_ENDINGS, VAULT, output_name

_BESIDE = frozenset({"scc"})
"""What lies beside the recording where the storage server asks for it: Cablecast reads `<base>.scc` there."""


def attempt_folder(output: Path, job_id: str, attempt: int) -> Path:
    return output / VAULT / job_id / str(attempt)


def vault_name(kind: str) -> str:
    """File name in the attempt's folder. Not the recording's: that may be as long as a file system allows."""
    return f"captions{OUTPUT_ENDINGS[kind]}"


def public_path(output: Path, server: StorageServer, recording: str, kind: str) -> Path:
    """The public name: beneath the output path as beneath the server, or beside the recording."""
    if server.beside and kind in _BESIDE:
        path = PurePosixPath(recording)
        return server.path / path.parent / output_name(path.stem, kind)
    return output / beneath_output(server.name, recording, kind)


def beneath_output(storage: str, recording: str, kind: str) -> PurePosixPath:
    """The same name beneath any output path: `flex-1/2022/Council.scc`."""
    path = PurePosixPath(recording)
    return storage / path.parent / output_name(path.stem, kind)


def second_choice(first: Path, recording: str) -> Path:
    """The name where another recording of the same base name holds the first: `council.mov.scc`."""
    path = PurePosixPath(recording)
    return first.with_name(path.name + first.name.removeprefix(path.stem))
