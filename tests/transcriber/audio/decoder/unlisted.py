"""A decoder whose lists are switched off, behind walls of one's choice: `unlisted.py '{"walls": […], "files": […]}'`.

It opens each file as the decoder does, but with every container, codec and protocol that FFmpeg has, and with the
demuxers told to trust what they read. Prints for each file what came of it. Run by path, in a process of its own.
"""

import ctypes
import json
import os
import sys
from types import SimpleNamespace

from archivist_transcriber.audio.decoder import containers, sandbox

TRUSTING = {
    "allowed_extensions": "ALL",  # hls
    "allowed_segment_extensions": "ALL",
    "extension_picky": "0",
    "http_persistent": "0",
    "max_reload": "1",
    "safe": "0",  # concat
    "enable_drefs": "1",  # mov
    "use_absolute_path": "1",
}
SECONDS = 1.0  # longest that one file may take to open, and to read a packet
PACKETS = 20


def main(walls: list[str], files: list[str]) -> None:
    av = containers.load_all()
    av.logging.set_level(av.logging.PANIC)
    sources = [containers.Source(os.open(file, os.O_RDONLY)) for file in files]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, which the walls need
    containers.CONTAINERS = ",".join(sorted(av.formats_available))
    containers.CODECS = ",".join(sorted(av.codecs_available))
    containers.PROTOCOLS = "file,http,tcp,udp,rtp,crypto,concat,concatf,subfile,data,pipe,httpproxy,ftp,cache,async"
    for wall in walls:
        getattr(sandbox, wall)(libc)
    said = {file: attempt(av, source) for file, source in zip(files, sources, strict=True)}
    os.write(1, json.dumps(said).encode())


def attempt(av: object, source: containers.Source) -> str:
    def trusting(file: object, *, options: dict[str, str], **how: object) -> object:
        return av.open(file, options=options | TRUSTING, timeout=SECONDS, **how)

    packets = 0
    try:
        with containers.open_container(SimpleNamespace(open=trusting), source) as container:
            for packet in container.demux():
                packets += packet.size > 0
                if packets > PACKETS:
                    break
    except Exception as exc:
        return f"{type(exc).__name__} after {packets} packets"
    return f"{packets} packets"


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
