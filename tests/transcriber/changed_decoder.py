"""The real decoder with one line of one of its modules changed, as a program to run in its place."""

from pathlib import Path

from archivist_transcriber.audio import decoder

_PROGRAM = """
import runpy, sys
from importlib.machinery import SourceFileLoader
read = SourceFileLoader.get_data
def changed(loader, path):
    if path.endswith(".pyc"):
        raise OSError("compiled anew: a line is changed")
    data = read(loader, path)
    if path == {path!r}:
        data = b"import os, signal, struct, sys\\n" + data.replace({old!r}, {new!r})
    return data
SourceFileLoader.get_data = changed
sys.dont_write_bytecode = True
runpy.run_module("archivist_transcriber.audio.decoder.main", run_name="__main__")
"""


def program(folder: Path, old: str, new: str) -> Path:
    """Written into `folder`. old: must be there once, in one module of the decoder."""
    holders = [path for path in Path(decoder.__file__).parent.glob("*.py") if old in path.read_text()]
    assert len(holders) == 1, holders
    assert holders[0].read_text().count(old) == 1
    written = folder / "decoder.py"
    written.write_text(_PROGRAM.format(path=str(holders[0]), old=old.encode(), new=new.encode()))
    return written
