"""Start a slot of the installed transcriber, which tests itself, and say what it says: `start_slot.py FOLDER`.

Run with `python -I` in an environment that has the wheel and the transcriber's lock: nothing of the clone is seen.
"""

import asyncio
import sys
from pathlib import Path

import archivist_transcriber
from archivist_common.settings import TranscriberSettings
from archivist_transcriber.app import plan


async def main(folder: Path) -> None:
    installed = Path(archivist_transcriber.__file__)
    if not installed.is_relative_to(sys.prefix):
        sys.exit(f"not the installed wheel: {installed}")
    settings = TranscriberSettings(
        _env_file=None,
        database_url="postgresql://nobody@localhost/nothing",
        redis_url="redis://localhost",
        secret_key="a-slot-knows-no-secret-and-no-database",  # noqa: S106 -- none
        default_output_path=folder / "output",
        temp_directory=folder / "temp",
        whisper_model_path=Path(sys.prefix) / "share/archivist/demo",
    )
    slot = plan(settings)[0]
    loaded = await slot.start()
    await slot.kill("done")
    print(f"Slot              ready from the wheel: model {loaded.model}, self-test {loaded.test_s:.1f} s")  # noqa: T201


asyncio.run(main(Path(sys.argv[1])))
