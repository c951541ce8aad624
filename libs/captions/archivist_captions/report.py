"""What a caption file is worth, by the four criteria of 47 CFR 79.1(j)(2), as data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from archivist_captions.cea608.encoder import SccOptions
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cea608.verifier import Finding, Timing, compare, play, timings
from archivist_captions.cue import Captions
from archivist_captions.notes import Note
from archivist_captions.profile import BROADCAST, Profile

SCHEMA_VERSION = 1
_UNSURE = 0.5  # confidence below which a word is worth a second ear


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one SCC file. Frames are of 1001/30000 s; speeds are characters per second of a cue.

    words_in: words of the cues; words_out: words decoded from the file. start_errors: frames by which each cue is
    shown late (early is negative), in order of cues. transliterated: (character, shown as, times).
    """

    cues: int
    words_in: int
    words_out: int
    unsure_words: int
    start_errors: tuple[int, ...]
    late: tuple[Timing, ...]
    transliterated: tuple[tuple[str, str, int], ...]
    removed: tuple[tuple[str, int], ...]
    speed_p50: float
    speed_p95: float
    fast_cues: int
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...] = ()

    @property
    def releasable(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data, by criterion."""
        errors = sorted(map(abs, self.start_errors))
        return {
            "schema": SCHEMA_VERSION,
            "releasable": self.releasable,
            "cues": self.cues,
            "accuracy": {
                "unsure_words": self.unsure_words,
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
            "completeness": {"words_in": self.words_in, "words_out": self.words_out},
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
) -> Report:
    """The report on an SCC file made from these captions. notes: what the encoder said, to be kept with it.

    Raises CannotRead when the text is no SCC file at all.
    """
    played = play(scc_text)
    changes: dict[tuple[str, str], int] = {}
    for cue in captions.cues:
        for change in transliterate("\n".join(cue.lines))[1]:
            key = (change.wanted, change.shown)
            changes[key] = changes.get(key, 0) + 1
    speeds = sorted(len(cue.text) * 1_000 / (cue.end_ms - cue.start_ms) for cue in captions.cues)
    shown = timings(captions, played, options)
    return Report(
        cues=len(captions.cues),
        words_in=sum(len(cue.text.split()) for cue in captions.cues),
        words_out=sum(len(screen.text.split()) for screen in played.screens),
        unsure_words=sum(word.confidence is not None and word.confidence < _UNSURE for word in captions.words),
        start_errors=tuple(timing.frames for timing in shown),
        late=tuple(timing for timing in shown if timing.frames > 1),
        transliterated=tuple((*key, times) for key, times in sorted(changes.items()) if key[1]),
        removed=tuple((key[0], times) for key, times in sorted(changes.items()) if not key[1]),
        speed_p50=round(percentile(speeds, 50), 1),
        speed_p95=round(percentile(speeds, 95), 1),
        fast_cues=sum(speed > profile.warn_cps for speed in speeds),
        findings=(*played.findings, *compare(captions, scc_text, options)),
        notes=tuple(notes),
    )


def percentile(rising: Sequence[float], percent: int) -> float:
    """The value at or below which `percent` of the rising values lie (nearest rank); 0 of none."""
    if not rising:
        return 0
    return rising[max(0, -(-len(rising) * percent // 100) - 1)]
