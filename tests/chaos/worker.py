"""A transcriber as a station runs it, without a speech model: `python -m tests.chaos.worker`.

Supervisor, leaders, database, doorbell, placing, reconciler and kill points are the real ones. Only its slots are
stubs. Settings come from the environment, as for `archivist-transcriber`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from archivist_common import failpoints
from archivist_common.settings import TranscriberSettings, read
from archivist_common.web import service
from archivist_transcriber.app import create_app
from archivist_transcriber.supervisor.supervision import SlotProtocol
from tests.chaos.history import History
from tests.chaos.stub import Pace, Stub


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.worker")
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--chunks", type=int, default=3)
    parser.add_argument("--chunk-ms", type=int, default=40)
    options = parser.parse_args()
    history = History(options.history, "worker")
    pace = Pace(chunks=options.chunks, chunk_s=options.chunk_ms / 1000)

    def slots(settings: TranscriberSettings) -> Sequence[SlotProtocol]:
        server = settings.flex_servers[0]
        return [Stub(number, pace, server, settings.default_output_path, history) for number in range(options.slots)]

    settings = read(TranscriberSettings)
    failpoints.arm(settings.kill_points)
    app = create_app(settings, slots=slots)
    service.run("transcriber", app, settings, settings.transcriber_host, settings.transcriber_port)


if __name__ == "__main__":
    main()
