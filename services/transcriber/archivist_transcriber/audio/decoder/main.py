"""Sandboxed FFmpeg (PyAV) decoder process. Started by `audio.decoder_process`, never imported by the service.

    python -I -m archivist_transcriber.audio.decoder.main '{"mode": "probe", "fd": 5, ...}'

A hostile or broken file may crash, loop or eat memory in here; its parent watches and ends it. This process reads one
already opened file descriptor, has no network, may open no file, may write none, and answers on its standard output
(`messages`). Only the standard library and PyAV are needed.
"""

import json
import resource
import sys
from typing import Any

from archivist_transcriber.audio.decoder.containers import Source, load_all, open_container, translated
from archivist_transcriber.audio.decoder.decode import Decoder
from archivist_transcriber.audio.decoder.messages import Refused, send_json, unreadable
from archivist_transcriber.audio.decoder.probe import describe
from archivist_transcriber.audio.decoder.sandbox import confine


def main(request: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    av = load_all()
    av.logging.set_level(av.logging.PANIC)
    source = Source(request["fd"])
    confine(request["memory"], tuple(request["cpu_s"]), request["parent"])
    try:
        if source.size == 0:
            raise unreadable("the file is empty (0 bytes)")
        with open_container(av, source) as container:
            info = describe(container, source)
            send_json(b"I", info)
            if request["mode"] == "audio":
                send_json(b"Z", Decoder(av, container, info, request).run())
    except Refused as exc:
        send_json(b"E", {"code": exc.code, "message": str(exc)})
    except MemoryError:
        megabytes = request["memory"] // 2**20
        send_json(b"E", {"code": "MEDIA_UNREADABLE", "message": f"decoding it needs more than {megabytes} MB"})
    except (av.error.FFmpegError, OSError) as exc:
        send_json(b"E", translated(exc, source))


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except BrokenPipeError:
        sys.exit(1)
