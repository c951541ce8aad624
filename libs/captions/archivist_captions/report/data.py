"""What a caption file is worth, by the four criteria of 47 CFR 79.1(j)(2), as data. `page` draws it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from archivist_captions.cea608.decoder import DisplayedText, Mode
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cea608.verifier import Finding, Timing, compare_played, play, timings
from archivist_captions.cue import Captions, Word
from archivist_captions.notes import Note
from archivist_captions.profiles import BROADCAST, Profile

SCHEMA_VERSION = 2  # 2: completeness has `unheard` and `unheard_ms`
_UNSURE = 0.5  # confidence below which a word is worth a second ear
_MOST_LISTED = 500  # unsure words listed one by one; all are counted


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one SCC file. Frames are of 1001/30000 s; speeds are characters per second of a cue.

    words_in: words of the cues; words_out: words decoded from the file (fewer where an emoji was one, more where a
    word was cut): both tell of the layout alone, not of what was said. unheard: stretches of speech that the engine
    left without words, (start, end) in milliseconds; none for captions that no engine made. start_errors: frames by
    which each cue is shown late (early is negative), in order of cues.
    transliterated: (character, shown as, times). rows: how many screens have 1, 2, 3, 4 rows. screens: what is
    shown when, for pictures, and drop_frame, the kind of its labels: not part of the data.
    """

    title: str
    cues: int
    words_in: int
    words_out: int
    unsure: tuple[Word, ...]
    start_errors: tuple[int, ...]
    late: tuple[Timing, ...]
    transliterated: tuple[tuple[str, str, int], ...]
    removed: tuple[tuple[str, int], ...]
    rows: tuple[tuple[int, int], ...]
    top_cues: int
    speed_p50: float
    speed_p95: float
    fast_cues: int
    profile: str
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    screens: tuple[DisplayedText, ...]
    drop_frame: bool = True
    unheard: tuple[tuple[int, int], ...] = ()

    @property
    def releasable(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    @property
    def unsure_words(self) -> int:
        return len(self.unsure)

    @property
    def unheard_ms(self) -> int:
        """Milliseconds of speech without words."""
        return sum(end - start for start, end in self.unheard)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data, by criterion. `schema.REPORT` describes it."""
        errors = sorted(map(abs, self.start_errors))
        return {
            "schema": SCHEMA_VERSION,
            "releasable": self.releasable,
            "profile": self.profile,
            "cues": self.cues,
            "accuracy": {
                "unsure_words": self.unsure_words,
                "unsure": [
                    {"start_ms": word.start_ms, "text": word.text, "confidence": word.confidence}
                    for word in self.unsure[:_MOST_LISTED]
                ],
                "transliterated": [
                    {"wanted": wanted, "shown": shown, "times": times} for wanted, shown, times in self.transliterated
                ],
                "removed": [{"wanted": wanted, "times": times} for wanted, times in self.removed],
            },
            "synchrony": {
                "start_error_frames_p50": percentile(errors, 50),
                "start_error_frames_p95": percentile(errors, 95),
                "start_error_frames_max": max(errors, default=0),
                "late": [asdict(timing) for timing in self.late],
            },
            "completeness": {
                "words_in": self.words_in,
                "words_out": self.words_out,
                "unheard_ms": self.unheard_ms,
                "unheard": [{"start_ms": start, "end_ms": end} for start, end in self.unheard],
            },
            "placement": {
                "screens_by_rows": {str(rows): count for rows, count in self.rows},
                "top_cues": self.top_cues,
            },
            "reading_speed_cps": {"p50": self.speed_p50, "p95": self.speed_p95, "over_warning": self.fast_cues},
            "findings": [{**asdict(finding), "severity": finding.severity} for finding in self.findings],
            "notes": [asdict(note) for note in self.notes],
        }


def report(
    captions: Captions,
    scc_text: str,
    options: SccOptions | None = None,
    notes: Sequence[Note] = (),
    profile: Profile = BROADCAST,
    unheard: Sequence[tuple[int, int]] = (),
) -> Report:
    """The report on an SCC file made from these captions. notes: what the encoder said, to be kept with it.

    unheard: stretches of speech that the engine left without words.

    Raises CannotRead when the text is no SCC file at all.
    """
    played = play(scc_text)
    changes: Counter[tuple[str, str]] = Counter()
    for cue in captions.cues:
        for change in transliterate("\n".join(cue.lines))[1]:
            changes[change.wanted, change.shown] += 1
    speeds = sorted(len(cue.text) * 1_000 / (cue.end_ms - cue.start_ms) for cue in captions.cues)
    shown = timings(captions, played, options)
    # A row that rolls up is on many screens; it is counted once.
    rolls = Mode.ROLL_UP in played.receiver.modes
    decoded = played.receiver.rolled if rolls else played.receiver.screens
    return Report(
        title=captions.title,
        cues=len(captions.cues),
        words_in=sum(len(cue.text.split()) for cue in captions.cues),
        words_out=sum(len(screen.text.split()) for screen in decoded),
        unsure=tuple(word for word in captions.words if word.confidence is not None and word.confidence < _UNSURE),
        start_errors=tuple(timing.frames for timing in shown),
        late=tuple(timing for timing in shown if timing.frames > 1),
        transliterated=tuple((*key, times) for key, times in sorted(changes.items()) if key[1]),
        removed=tuple((key[0], times) for key, times in sorted(changes.items()) if not key[1]),
        rows=tuple(sorted(Counter(len(screen.rows) for screen in played.screens).items())),
        top_cues=sum(cue.top for cue in captions.cues),
        speed_p50=round(percentile(speeds, 50), 1),
        speed_p95=round(percentile(speeds, 95), 1),
        fast_cues=sum(speed > profile.warn_cps for speed in speeds),
        profile=profile.name,
        findings=(*played.findings, *compare_played(captions, played, options)),
        notes=tuple(notes),
        screens=tuple(decoded),
        drop_frame=options is None or options.drop_frame,
        unheard=tuple(unheard),
    )


def percentile(rising: Sequence[float], percent: int) -> float:
    """The value at or below which `percent` of the rising values lie (nearest rank); 0 of none."""
    if not rising:
        return 0
    return rising[max(0, -(-len(rising) * percent // 100) - 1)]
