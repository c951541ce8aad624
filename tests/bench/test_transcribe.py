"""The benchmark of the caption encoder, run small."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archivist_bench.caption_trials import TRIALS, judge
from archivist_captions.cea608.encoder import encode
from archivist_cli.main import main


def test_the_bench_prints_ours_beside_the_others(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "captions", "--trial", "easy", "--runs", "1"]) == 0
    told = capfd.readouterr().out
    figures = {line.split()[1]: line.split() for line in told.splitlines() if line.startswith("easy ")}
    assert "All kept." in told
    assert "Promised" in told
    ours = figures["archivist"]
    assert 0 < float(ours[2]) < 1
    assert 10 < float(ours[5]) < 150
    assert ours[6:] == ["0", "0", "of", "639", "0"]
    assert re.search(r"^easy +pycaption 2[.\d]+ +[\d.]+ +[\d.]+ +\d+ +60 +0 of 639 +3$", told, re.MULTILINE)
    assert re.search(r"^easy +ttconv +60 +60 +60 +drop-frame$", told, re.MULTILINE)
    assert re.search(r"^easy +pycaption +60 +60 +60 +non-drop$", told, re.MULTILINE)


def test_another_writers_failure_is_told_and_judged(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "captions", "--trial", "hazards", "--runs", "1"]) == 0
    told = capfd.readouterr().out.splitlines()
    ttconv = next(line for line in told if line.startswith("hazards  ttconv 1"))
    assert "without cue 1, on which it fails: RuntimeError" in ttconv
    lost = re.search(r"(\d+) of 143", ttconv)
    assert lost is not None
    assert int(lost[1]) > 0


def test_a_file_that_lost_words_is_judged_so() -> None:
    cues = TRIALS["easy"]()[:4]
    judged = judge(cues, encode(cues[:3]).text)
    assert judged.cues_lost == 1
    assert judged.words_lost == len(cues[3].text.split())


def test_a_writer_that_is_not_installed_has_no_version() -> None:
    command = [sys.executable, "-m", "archivist_bench.peers", "", "version", "no-such-writer-of-scc"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout) == {"version": None}


def test_the_transcription_bench_prints_figures_and_judges_them(capfd: pytest.CaptureFixture[str]) -> None:
    """A quarter of a minute is enough to see every figure; none of them is asserted but what must be."""
    sample = Path(__file__).parents[2] / "demo/samples/short-20s.flac"
    assert main(["bench", "transcribe", "--model", "demo", "--slots", "1", "--quick", str(sample)]) == 0
    told = capfd.readouterr().out
    rows = {way: line.split()[-9:] for way in ("one slot  ", "transcribe, beam 5", "batched, beam 5")
            for line in told.splitlines() if line.startswith(way)}  # fmt: skip
    assert len(rows) == 3
    seconds, _, speed, tokens, windows, errors, memory, ratio = map(float, rows["one slot  "][-8:])
    assert seconds * speed == pytest.approx(20.0, rel=0.05)
    assert tokens > 40
    assert windows >= 2
    assert errors < 30
    assert 0 < memory < 600
    assert ratio == 1.0
    assert re.search(r"^one slot by stage: decode [\d.]+ s, voice .*, encode .*, align .*, other", told, re.MULTILINE)
    assert re.search(r"^(kept|NOT KEPT) +demo: [\d.]+ times transcribe, beam 5, of at least 1.8", told, re.MULTILINE)


def test_a_recording_that_is_not_there_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "transcribe", "not-there.mp4"]) == 1
    assert "not-there.mp4: there is no such file" in capfd.readouterr().err


def test_a_model_that_cannot_be_made_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "transcribe", "--model", "random:enormous"]) == 1
    assert "no stand-in of the size 'enormous'" in capfd.readouterr().err
