"""House rules of caption layout, as named values. Sources: DCMP Captioning Key, Netflix Timed Text, BBC."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

MOST_COLUMNS = 32  # 47 CFR 79.101(d): a CEA-608 row
MOST_ROWS = 4  # 47 CFR 79.101(d): rows shown at once


@dataclass(frozen=True, slots=True)
class Profile:
    """How a channel wants its captions. Times are milliseconds, speeds characters per second.

    rows: what a caption has; max_rows: what it may have, only to keep up with fast speech.
    target_cps is aimed at by letting a caption stay; above warn_cps the report says so; words are never cut.
    min_ms is aimed at, floor_ms is kept by merging; max_ms is the longest a caption is planned to stay.
    A gap shorter than chain_gap_ms is closed; a caption stays at most linger_ms after its last word.
    A silence of pause_ms prefers a break, one of silence_ms forces it. capitals: whether all text is in capitals.
    """

    name: str = "broadcast"
    columns: int = MOST_COLUMNS
    rows: int = 2
    max_rows: int = 3
    target_cps: int = 17
    warn_cps: int = 20
    min_ms: int = 1_330
    floor_ms: int = 830
    max_ms: int = 7_000
    chain_gap_ms: int = 500
    linger_ms: int = 1_500
    pause_ms: int = 500
    silence_ms: int = 2_000
    capitals: bool = False

    def __post_init__(self) -> None:
        if not 8 <= self.columns <= 80:
            raise ValueError(f"columns must be 8 to 80: {self.columns}")
        if not 1 <= self.rows <= self.max_rows <= MOST_ROWS:
            raise ValueError(f"rows must rise from 1 to {MOST_ROWS}: {self.rows}, {self.max_rows}")
        if not 0 < self.target_cps <= self.warn_cps:
            raise ValueError(f"speeds must rise from 0: {self.target_cps}, {self.warn_cps}")
        if not 0 < self.floor_ms <= self.min_ms <= self.max_ms:
            raise ValueError(f"times must rise from 0: {self.floor_ms}, {self.min_ms}, {self.max_ms}")
        if min(self.chain_gap_ms, self.linger_ms) < 0 or not 0 < self.pause_ms <= self.silence_ms:
            raise ValueError("gaps must not be negative, and pause_ms not above silence_ms")


BROADCAST = Profile()

# For players that show 42 columns. An SCC made with these is wrapped anew to 32, which the report says.
WEB = Profile(name="web", columns=42, max_rows=2, warn_cps=21, min_ms=1_200)
# Netflix Timed Text Style Guide, general and English: 5/6 s to 7 s, 42 columns, 2 rows, up to 20 characters a second.
NETFLIX = Profile(name="netflix", columns=42, max_rows=2, min_ms=1_000, floor_ms=834, linger_ms=1_000)
# BBC Subtitle Guidelines: 160 to 180 words a minute, 37 columns, anticipation and linger of at most 1.5 s.
BBC = Profile(name="bbc", columns=37, target_cps=15, warn_cps=18, min_ms=1_500, floor_ms=1_000)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (BROADCAST, WEB, NETFLIX, BBC)}


def profile_from(values: Mapping[str, object]) -> Profile:
    """A profile from settings: `{"name": "ours", "base": "netflix", "columns": 30}`. base: broadcast when not given.

    Raises ValueError, naming the key, for one that is unknown or of the wrong kind.
    """
    given = dict(values)
    base = given.pop("base", BROADCAST.name)
    if base not in PROFILES:
        raise ValueError(f"no profile is called {base!r}; known: {', '.join(PROFILES)}")
    start = PROFILES[str(base)]
    for key, value in given.items():
        if key not in _FIELDS:
            raise ValueError(f"a profile has no {key!r}; it has {', '.join(sorted(_FIELDS))}")
        if type(value) is not type(getattr(start, key)):
            raise ValueError(f"profile {key} is {type(getattr(start, key)).__name__}, not {value!r}")
    return replace(start, **given)  # type: ignore[arg-type]  # checked above, key by key


_FIELDS = frozenset(field.name for field in fields(Profile))
