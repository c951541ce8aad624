"""What goes wrong on purpose: ordered rules, or a seeded lottery, each spoiling one request or its answer."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.cablecast.messages import Request, Response
from tests.simulators.cablecast.spoiling import changed, cut, flapped, malformed, refusal, skewed

STATUSES = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504)
_5XX = (500, 502, 503, 504)
# What is done when a rule does not say: to the request before it is applied, or to its answer afterwards.
_PHASE = {
    "status": "before", "retry_after": "before", "delay": "before", "drop": "before", "apply_then_drop": "after",
    "duplicate": "after", "stale": "before", "malformed": "after", "flap": "after", "vanish": "before",
    "auth_expire": "before", "clock_skew": "after",
}  # fmt: skip
_OPTIONS = {
    "status": {"status", "body", "retry_after", "date_in_s", "text"},
    "retry_after": {"status", "body", "retry_after", "date_in_s", "text"},
    "delay": {"seconds", "where"},
    "drop": {"where", "reset"},
    "apply_then_drop": {"reset"},
    "duplicate": {"answer"},
    "stale": set(),
    "malformed": {"kind", "location"},
    "flap": {"state", "percent"},
    "vanish": {"move_to"},
    "auth_expire": {"calls"},
    "clock_skew": {"hours"},
}
_CHOICES = {
    "body": ("json", "iis-html", "empty", "2mb"),
    "where": ("before_headers", "before_body", "drip", "after_headers", "mid_body"),
    "kind": ("truncated", "bom", "wrong_root", "null_root", "string_for_int", "html", "login_redirect"),
    "answer": ("first", "second"),
}


@dataclass(slots=True)
class Rule:
    """One rule. `times` None: for ever. path: a regular expression, looked for in the path without regard to case."""

    action: str
    method: str | None = None
    path: str = ""
    user: str | None = None
    skip: int = 0
    times: int | None = None
    phase: str = "before"
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0

    def fits(self, request: Request, user: str | None) -> bool:
        if self.method is not None and request.method not in self.method.upper().split("|"):
            return False
        if self.user is not None and self.user != (user or "anonymous"):
            return False
        return re.search(self.path, request.path, re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class Fault:
    """What was drawn for one request."""

    action: str
    phase: str
    options: dict[str, Any]
    rule: int = 0

    @property
    def label(self) -> str:
        return f"{self.action} {self.phase}"


@dataclass(slots=True)
class _Lottery:
    dice: random.Random
    odds: dict[str, float]
    path: str
    hang_s: tuple[float, ...]
    statuses: tuple[int, ...]


class Faults:
    """The rules that stand, what they did so far, and the answers that a stale cache would give."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.counts: Counter[str] = Counter()
        self._lottery: _Lottery | None = None
        self._last: dict[tuple[str | None, str], Response] = {}
        self._stuck: dict[tuple[int, str | None, str], Response] = {}

    def add(self, said: dict[str, Any]) -> None:
        """A rule, or `{"random": {…}}`. Raises ValueError for one that could never do what it says."""
        if "random" in said:
            self._lottery = _lottery(dict(said["random"]))
            return
        options = {name: value for name, value in said.items() if name not in Rule.__slots__}
        rule = Rule(**{name: value for name, value in said.items() if name in Rule.__slots__ and name != "options"})
        rule.options = {**options, **said.get("options", {})}
        if rule.action not in _PHASE:
            raise ValueError(f"there is no fault {rule.action!r}; there are {', '.join(_PHASE)}")
        unknown = set(rule.options) - _OPTIONS[rule.action]
        if unknown:
            raise ValueError(f"fault {rule.action} has no {', '.join(sorted(unknown))}")
        for name, allowed in _CHOICES.items():
            if name in rule.options and rule.options[name] not in allowed:
                raise ValueError(f"{name} may be {', '.join(allowed)}")
        if rule.action == "status" and rule.options.get("status", 500) not in STATUSES:
            raise ValueError(f"status may be {', '.join(map(str, STATUSES))}")
        rule.phase = said.get("phase", _PHASE[rule.action])
        if rule.phase not in ("before", "after"):
            raise ValueError("phase may be before or after")
        if rule.action == "auth_expire":
            rule.skip, rule.options = int(rule.options.get("calls", rule.skip)), {}
        _pattern(rule.path)
        self.rules.append(rule)

    def clear(self) -> None:
        """No rule, no lottery; the counts stay."""
        self.rules.clear()
        self._lottery = None
        self._stuck.clear()

    def draw(self, request: Request, user: str | None) -> Fault | None:
        """What this request meets: of the first rule that is due, else of the lottery."""
        for rule in self.rules:
            if not rule.fits(request, user) or (rule.times is not None and rule.fired >= rule.times):
                continue
            if rule.skip:
                rule.skip -= 1
                continue
            if rule.action == "stale" and (user, request.target) not in self._last:
                continue
            rule.fired += 1
            self.counts[rule.action] += 1
            return Fault(rule.action, rule.phase, rule.options, id(rule))
        return self._draw_lot(request)

    def _draw_lot(self, request: Request) -> Fault | None:
        lottery = self._lottery
        if lottery is None or re.search(lottery.path, request.path, re.IGNORECASE) is None:
            return None
        lot = lottery.dice.random()
        for kind, odds in lottery.odds.items():
            if lot >= odds:
                lot -= odds
                continue
            if kind == "duplicate_idempotent" and request.method not in ("GET", "HEAD", "PUT", "DELETE"):
                return None
            self.counts[kind] += 1
            match kind:
                case "lost_answer":
                    return Fault("apply_then_drop", "after", {"reset": lottery.dice.random() < 0.5})
                case "status_5xx":
                    status = lottery.dice.choice(lottery.statuses)
                    return Fault("status", "before", {"status": status, "body": "iis-html"})
                case "timeout":
                    phase = lottery.dice.choice(("before", "after"))
                    return Fault("hang", phase, {"seconds": lottery.dice.choice(lottery.hang_s)})
                case _:
                    return Fault("duplicate", "after", {})
        return None

    # What a fault does

    def instead(self, fault: Fault, request: Request, user: str | None) -> Response | None:
        """The answer of a fault that leaves the world untouched; None where the request goes on."""
        if fault.action == "stale":
            return self._stuck.setdefault((fault.rule, user, request.target), self._last[user, request.target])
        if fault.action == "auth_expire":
            return Response(401, {"WWW-Authenticate": 'Basic realm="Cablecast"'}, b"")
        if fault.phase == "before" and fault.action in ("status", "retry_after"):
            return refusal(fault.options, 503 if fault.action == "retry_after" else 500)
        if fault.phase == "before" and fault.action in ("drop", "hang"):
            return cut(Response(503), fault.action, fault.options)
        return None

    def spoil(self, fault: Fault, answer: Response) -> Response:
        """The answer of a request that was applied, as its caller sees it."""
        match fault.action:
            case "status" | "retry_after":
                return refusal(fault.options, 503 if fault.action == "retry_after" else 500)
            case "drop" | "apply_then_drop" | "hang" | "delay":
                return cut(answer, fault.action, fault.options)
            case "malformed":
                return malformed(answer, **{"kind": "truncated", **fault.options})
            case "flap":
                state, percent = fault.options.get("state", "processing"), fault.options.get("percent", 5.0)
                return changed(answer, lambda data: flapped(data, state, percent))
            case "clock_skew":
                return skewed(answer, float(fault.options.get("hours", 1)))
            case _:
                return answer

    def remember(self, request: Request, user: str | None, answer: Response) -> None:
        """Keep an answer, for the day when a stale one is wanted."""
        if request.method == "GET" and answer.status == 200 and isinstance(answer.body, bytes):
            self._last[user, request.target] = answer


def _pattern(path: str) -> None:
    try:
        re.compile(path)
    except re.error as exc:
        raise ValueError(f"path is no regular expression: {exc}") from None


def _lottery(said: dict[str, Any]) -> _Lottery:
    dice, path = random.Random(said.pop("seed", 0)), said.pop("path", "")
    hang_s, statuses = said.pop("hang_s", 0.3), said.pop("statuses", _5XX)
    hangs = tuple(float(one) for one in (hang_s if isinstance(hang_s, list) else [hang_s]))
    kinds = ("lost_answer", "status_5xx", "timeout", "duplicate_idempotent")
    unknown = set(said) - set(kinds)
    if unknown or sum(said.values()) > 1:
        raise ValueError(
            f"random may have seed, path, hang_s, statuses and odds of {', '.join(kinds)} that add up to 1 at most"
        )
    if not statuses or set(statuses) - set(_5XX):
        raise ValueError(f"statuses may be {', '.join(map(str, _5XX))}, as often as each is wanted")
    _pattern(path)
    odds = {kind: float(said[kind]) for kind in kinds if kind in said}
    return _Lottery(dice, odds, path, hangs, tuple(statuses))
