"""Answers as nobody should give them: refusals, cut ones, malformed ones, ones with wrong states and dates."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.simulators.cablecast.messages import Delivery, Response, json_answer, page_of_iis

_DATE = re.compile(r'"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2})"')


def refusal(options: dict[str, Any], status: int) -> Response:
    """An error answer: json, iis-html, empty or 2mb, with any Retry-After one can think of."""
    status = options.get("status", status)
    said = options.get("text", "The server could not do that.")
    match options.get("body", "json"):
        case "json":
            answer = json_answer(status, {"message": said})
        case "iis-html":
            answer = page_of_iis(status)
        case "2mb":
            answer = Response(status, {"Content-Type": "text/html"}, b"<p>error</p>\n" * (2 * 1024 * 1024 // 13 + 1))
        case _:
            answer = Response(status)
    if options.get("date_in_s") is not None:
        moment = datetime.now(UTC) + timedelta(seconds=float(options["date_in_s"]))
        answer.headers["Retry-After"] = format_datetime(moment, usegmt=True)
    elif options.get("retry_after") is not None:
        answer.headers["Retry-After"] = str(options["retry_after"])
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Cablecast"'
    return answer


def cut(answer: Response, action: str, options: dict[str, Any]) -> Response:
    """The answer held back, dripped or cut short."""
    reset = bool(options.get("reset", False))
    seconds, where = float(options.get("seconds", 1.0)), options.get("where", "before_headers")
    if action == "hang":
        answer.delivery = Delivery(delay_s=seconds, cut="before")
    elif action == "delay":
        answer.delivery = {
            "before_body": Delivery(pause_s=seconds),
            "drip": Delivery(drip_s=seconds),
        }.get(where, Delivery(delay_s=seconds))
    else:
        answer.delivery = Delivery(
            cut={"after_headers": "headers", "mid_body": "body"}.get(where, "before"), reset=reset
        )
    return answer


def malformed(answer: Response, kind: str, location: str = "/FrontDoor/") -> Response:
    """A 200 that is none: the seven ways. location: where a redirect leads."""
    if kind == "login_redirect":
        return Response(302, {"Location": location})
    if kind == "html":
        return Response(
            200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>Please sign in</body></html>"
        )
    body = answer.body if isinstance(answer.body, bytes) else b""
    if kind == "truncated":
        return Response(answer.status, answer.headers, body[: len(body) // 2])
    if kind == "bom":
        return Response(answer.status, answer.headers, b"\xef\xbb\xbf" + body)
    if not isinstance(answer.data, dict) or not answer.data:
        return answer
    root = next(iter(answer.data))
    if kind == "wrong_root":
        return changed(
            answer, lambda data: {"result" if name == root else name: value for name, value in data.items()}
        )
    if kind == "null_root":
        return changed(answer, lambda data: {**data, root: None})
    return changed(answer, _words_for_numbers)


def changed(answer: Response, change: Callable[[Any], Any]) -> Response:
    if answer.data is None:
        return answer
    data = change(json.loads(json.dumps(answer.data)))
    fresh = json_answer(answer.status, data)
    return Response(answer.status, {**answer.headers, **fresh.headers}, fresh.body, answer.delivery, data)


def flapped(data: Any, state: str, percent: float) -> Any:
    if isinstance(data, list):
        return [flapped(inner, state, percent) for inner in data]
    if not isinstance(data, dict):
        return data
    if "vodState" in data:
        return {**data, "vodState": state, "percentComplete": percent}
    return {name: flapped(inner, state, percent) for name, inner in data.items()}


def _words_for_numbers(data: Any) -> Any:
    if isinstance(data, list):
        return [_words_for_numbers(inner) for inner in data]
    if isinstance(data, dict):
        return {name: _words_for_numbers(inner) for name, inner in data.items()}
    return f"{data}x" if isinstance(data, int) and not isinstance(data, bool) else data


def skewed(answer: Response, hours: float) -> Response:
    if not isinstance(answer.body, bytes) or answer.data is None:
        return answer
    moved = _DATE.sub(
        lambda found: f'"{(datetime.fromisoformat(found[1]) + timedelta(hours=hours)).isoformat()}"',
        answer.body.decode(),
    )
    return Response(answer.status, answer.headers, moved.encode(), answer.delivery, json.loads(moved))
