"""What a running stack needs of others and does not have: a target, a mount, a model, a server.

Each is told once when it is missing, in sentences that say what that means and what to do, and once when it is back.
What our own processes say of themselves is all that is asked: they look with deadlines, so that nothing hangs here.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_ASK_S = 3.0
_LOADING_S = 15.0  # a transcriber that is not ready is reading its model; later, people want to know
_OUTPUTS = {
    "DEFAULT_OUTPUT_PATH": "The output folder DEFAULT_OUTPUT_PATH",
    "OUTPUT_FALLBACK_PATH": "The output folder OUTPUT_FALLBACK_PATH",
}
_SERVERS = {
    "database": (
        "The database",
        "Nothing is accepted or begun meanwhile; no job is lost. Is it running, and is DATABASE_URL right?",
    ),
    "redis": ("Redis", "Is it running, and is REDIS_URL right?"),
}

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """said: what is missing, what that means, what to do. back: what is said when it is there again.

    kind: another kind for the same thing is told anew, another wording of the same kind is not.
    said_after_s: only told when it has lasted for so long.
    """

    kind: str
    said: str
    back: str
    said_after_s: float = 0.0


Found = Mapping[str, Missing | None]
"""By thing; None: it is there. What is not among them is not known now, and nothing is told of it."""


class Outside:
    """Remembers what has been told. urls: where the stack's services answer, by name."""

    def __init__(self, urls: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._urls = urls
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[Missing, float]] = {}  # by service and thing, and since when
        self._told: dict[tuple[str, str], Missing] = {}

    async def look(self, http: httpx.AsyncClient) -> list[str]:
        """Sentences about what is missing, or back, since the last look."""
        lines: list[str] = []
        for service, (path, read) in SOURCES.items():
            answer = await _answer(http, self._urls[service] + path) if service in self._urls else None
            if answer is not None:
                lines += self._news(service, read(answer))
        return lines

    def _news(self, service: str, found: Found) -> list[str]:
        now, lines = self._clock(), []
        for thing, missing in found.items():
            key = (service, thing)
            if missing is None:
                self._seen.pop(key, None)
                if key in self._told:
                    lines.append(self._told.pop(key).back)
                continue
            before, since = self._seen.get(key, (missing, now))
            since = since if before.kind == missing.kind else now
            self._seen[key] = (missing, since)
            told = self._told.get(key)
            if now - since >= missing.said_after_s and (told is None or told.kind != missing.kind):
                self._told[key] = missing
                lines.append(missing.said)
        return lines


async def _answer(http: httpx.AsyncClient, url: str) -> Answer | None:
    try:
        answer = (await http.get(url, timeout=_ASK_S)).json()
    except (httpx.HTTPError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _of_transcriber(answer: Answer) -> Found:
    """From its readiness. A database that does not answer is the monitor's to tell."""
    code = str(answer.get("code"))
    reason = str(answer.get("reason")).removeprefix(f"{code}: ")  # the code is for programs
    back = "The speech model is there and loaded: jobs that waited go on."
    wait = "Jobs are accepted and wait"
    if answer.get("status") == "ready":
        return {"model": None}
    if code == "MODEL_MISSING":
        said = f"No speech model: {reason}. {wait}; they begin by themselves when it is there."
        return {"model": Missing(code, said, back)}
    if code == "ENGINE_UNAVAILABLE":
        return {"model": Missing(code, f"No speech worker is ready: {reason}. {wait}.", back, _LOADING_S)}
    return {}


def _of_publisher(answer: Answer) -> Found:
    """From the targets in its readiness."""
    found: dict[str, Missing | None] = {}
    for name, target in dict(answer.get("targets") or {}).items():
        back = f"Publishing target {name} is available again: what waited is sent."
        reason = target["reason"]
        goes_on = f"Captioning goes on; publications to it wait ({target['waiting']} now)"
        if target["state"] == "away":
            said = f"Publishing target {name} is unavailable: {reason}. {goes_on} and are sent when it is back."
            found[name] = Missing("unavailable", said, back)
        elif target["state"] == "stopped":
            said = (
                f"Publishing target {name} refuses our credentials, and is not asked again: {reason}. {goes_on}. "
                f"Correct them and start again; or mend the rights there, then: archivist cablecast resume {name}"
            )
            found[name] = Missing("stopped", said, back)
        elif target["state"] == "ok":
            found[name] = None
    return found


def _of_monitor(answer: Answer) -> Found:
    """Servers and mounts, from its report. How full or busy they are, the monitor says; here, what is not there."""
    components = dict(answer.get("components") or {})
    found: dict[str, Missing | None] = {}
    for name, (what, to_do) in _SERVERS.items():
        component = components.get(name)
        if component is None:
            continue
        said = f"{what} is unavailable: {component['reason']}. {to_do}"
        answers = component["status"] == "healthy" or component["values"]
        found[name] = None if answers else Missing("unavailable", said, f"{what} is available again.")
    for name, part in dict(components.get("storage", {}).get("parts") or {}).items():
        reason = str(part["reason"])
        readable = part["values"]["total"]["value"] is not None
        is_there = part["status"] == "healthy" or reason.startswith("used is")
        found[f"storage {name}"] = None if is_there else _of_mount(name, reason, readable=readable)
    return found


def _of_mount(name: str, reason: str, *, readable: bool) -> Missing:
    what = _OUTPUTS.get(name, f"Storage server {name}")
    if name in _OUTPUTS:
        then = "Jobs whose captions find no place are tried again until there is one."
    elif readable:
        then = "Captions wait to be placed beside its recordings; transcription goes on."
    else:
        then = "Its jobs wait, those of other servers go on. Mount it; nothing is to be started again."
    kind = "not writable" if readable else "unavailable"
    return Missing(kind, f"{what} is {kind}: {reason}. {then}", f"{what} is available again.")


SOURCES: Mapping[str, tuple[str, Callable[[Answer], Found]]] = {
    "monitor": ("/health", _of_monitor),
    "transcriber": ("/health/ready", _of_transcriber),
    "vod": ("/health/ready", _of_publisher),
}
"""Who is asked, where, and how the answer is read."""
