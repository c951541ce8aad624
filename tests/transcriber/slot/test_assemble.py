"""The steps between the engine and the files: what the station asked for is done, and told where it changes words."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from archivist_captions.cea608 import verifier
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.profiles import PROFILES
from archivist_common.errors import (
    CaptionsInvalid,
    FileMissing,
    PathRefused,
    SourceChanged,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from archivist_common.storage import fingerprint
from archivist_common.storage.client import StorageServer
from archivist_common.storage.mounts import MountKind
from archivist_common.storage.paths import OUTPUT_ENDINGS
from archivist_transcriber.engines.whisperx import Diarizer
from archivist_transcriber.protocol import AssembleWork, Planned, RecordingFile
from archivist_transcriber.slot import assemble
from archivist_transcriber.slot.assemble import Authoring, Places, Transcript
from archivist_transcriber.slot.transcribe import opened

DEMO = Path(__file__).parents[3] / "demo"
SAID = "That darn motion passes seven to two."
WORDS = tuple(Word(1_000 + n * 400, 1_350 + n * 400, text) for n, text in enumerate(SAID.split()))
TRANSCRIPT = Transcript(WORDS, "en", 10_000, ())


def _captions(authoring: Authoring) -> tuple[Transcript, Captions]:
    return assemble.lay_out(TRANSCRIPT, "Council", authoring)


def _work(path: str, found: os.stat_result) -> AssembleWork:
    recording = RecordingFile("flex-1", path, found.st_size, found.st_mtime_ns, None)
    return AssembleWork("a-job", 1, recording, "demo", True, Planned(10_000, "en", {}), WORDS, 0, 0)


def test_every_kind_of_output_but_summary_and_metadata_is_written() -> None:
    written, _ = assemble.write_formats(_captions(Authoring())[1], Authoring())
    assert set(written) == set(OUTPUT_ENDINGS) - {"summary", "metadata"}


def test_the_report_tells_of_every_word() -> None:
    written, _ = assemble.write_formats(_captions(Authoring())[1], Authoring())
    report = json.loads(written["report"])
    assert report["completeness"]["words_in"] == report["completeness"]["words_out"] == len(WORDS)
    assert b"Council" in written["report_page"]


def test_without_a_list_no_word_is_masked() -> None:
    transcript, captions = _captions(Authoring())
    assert transcript == TRANSCRIPT
    assert " ".join(cue.text for cue in captions.cues) == SAID


def test_listed_words_are_masked_and_the_job_says_how_many() -> None:
    transcript, captions = _captions(Authoring(masked=("darn",)))
    assert " ".join(cue.text for cue in captions.cues) == SAID.replace("darn", "d---")
    assert transcript.warnings == ("WORDS_MASKED: 1 words of the station's list are shown by their first letter",)


def test_a_profile_bounds_the_rows() -> None:
    narrow = replace(PROFILES["broadcast"], columns=16)
    _, captions = _captions(Authoring(profile=narrow))
    assert max(len(line) for cue in captions.cues for line in cue.lines) <= 16


@pytest.mark.parametrize(
    ("options", "first"),
    [
        pytest.param(SccOptions(), "00:00:0", id="drop-frame-from-zero"),
        pytest.param(SccOptions(start_label="01:00:00;00"), "01:00:0", id="from-one-o-clock"),
        pytest.param(SccOptions(drop_frame=False), "00:00:0", id="non-drop"),
        pytest.param(SccOptions(mode="roll-up"), "00:00:0", id="roll-up"),
    ],
)
def test_the_stations_scc_options_reach_the_file_and_pass_the_gate(options: SccOptions, first: str) -> None:
    authoring = Authoring(scc=options)
    written, worth = assemble.write_formats(_captions(authoring)[1], authoring)
    label = written["scc"].decode("ascii").splitlines()[2].split("\t")[0]
    assert label.startswith(first)
    assert (";" in label) == options.drop_frame
    assert worth.releasable
    assert verifier.verify(written["scc"].decode("ascii")) == ()


def test_a_programme_past_the_last_label_of_the_day_is_refused_with_the_cue() -> None:
    late = Captions(cues=(Cue(86_500_000, 86_502_000, ("Adjourned.",)),))
    with pytest.raises(CaptionsInvalid, match="cue 1"):
        assemble.write_formats(late, Authoring())


def test_words_are_kept_when_speakers_cannot_be_told_apart(tmp_path: Path) -> None:
    places = Places({}, tmp_path, 10.0)
    told = assemble.name_speakers(
        0, _work("x", tmp_path.stat()), TRANSCRIPT, Diarizer(tmp_path / "no", "cpu"), places
    )
    assert told.words == TRANSCRIPT.words
    assert told.warnings[0].startswith("SPEAKERS_UNKNOWN: no speaker model")


def test_a_recording_is_opened_only_as_it_was_submitted(tmp_path: Path) -> None:
    server = StorageServer("flex-1", tmp_path, kind=MountKind.FOLDER)
    (tmp_path / "council.wav").write_bytes(b"as submitted")
    work = _work("council.wav", (tmp_path / "council.wav").stat())
    servers = {"flex-1": server}
    with opened(servers, work.recording) as source:
        assert os.pread(source, 20, 0) == b"as submitted"
    os.utime(tmp_path / "council.wav", ns=(0, 0))
    with pytest.raises(SourceChanged), opened(servers, work.recording):
        pass
    with (tmp_path / "council.wav").open("rb") as file:
        known = replace(work.recording, fingerprint=fingerprint.snapshot(file.fileno()).fingerprint)
    with opened(servers, known) as source:
        assert os.pread(source, 20, 0) == b"as submitted", "touched, and the same"
    (tmp_path / "council.wav").write_bytes(b"recorded once more")
    with pytest.raises(SourceChanged), opened(servers, known):
        pass
    with pytest.raises(SourceChanged, match="submit it again"), opened(servers, work.recording):
        pass
    (tmp_path / "council.wav").unlink()
    with pytest.raises(FileMissing), opened(servers, work.recording):
        pass
    (tmp_path / "council.wav").symlink_to("/etc/passwd")
    with pytest.raises(PathRefused), opened(servers, work.recording):
        pass


def test_a_recording_on_a_missing_mount_is_not_taken_for_a_missing_recording(tmp_path: Path) -> None:
    """A job waits for its mount; for a recording that is gone it does not."""
    (tmp_path / "council.wav").write_bytes(b"as submitted")
    work = _work("council.wav", (tmp_path / "council.wav").stat())
    (tmp_path / "council.wav").unlink()
    servers = {"flex-1": StorageServer("flex-1", tmp_path, kind=MountKind.MOUNT)}
    with pytest.raises(StorageUnavailable, match="not mounted") as raised, opened(servers, work.recording):
        pass
    assert raised.value.retryable


def test_what_was_coped_with_while_hearing_is_told() -> None:
    work = replace(_work("x", Path(__file__).stat()), words=(), dropped=4, bad_packets=2)
    warnings = assemble.transcript_of(work).warnings
    assert [warning.partition(":")[0] for warning in warnings] == ["NO_SPEECH", "INVENTIONS_DROPPED", "AUDIO_DAMAGED"]


@pytest.mark.parametrize(
    ("unheard", "codes"),
    [
        pytest.param(((1_000, 3_900),), [], id="a-cough"),
        pytest.param(((1_000, 2_500), (425_000, 427_000)), ["SPEECH_WITHOUT_WORDS"], id="a-sentence"),
    ],
)
def test_much_speech_without_words_is_warned_of(unheard: tuple[tuple[int, int], ...], codes: list[str]) -> None:
    work = replace(_work("x", Path(__file__).stat()), unheard=unheard)
    assert [warning.partition(":")[0] for warning in assemble.transcript_of(work).warnings] == codes


WRITTEN = {"scc": b"Scenarist_SCC V1.0" * 100, "vtt": b"WEBVTT" * 20_000, "metadata": b"{}"}


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_are_staged_in_the_vault_of_the_output_path(tmp_path: Path) -> None:
    output, fallback = tmp_path / "output", tmp_path / "fallback"
    output.mkdir()
    fallback.mkdir()
    server = StorageServer("flex-1", tmp_path)
    made = assemble.stage(WRITTEN, _work("a.mp4", tmp_path.stat()), server, output, fallback)
    assert {each.kind: each.path.read_bytes() for each in made} == WRITTEN
    assert all(each.path.is_relative_to(output / ".archivist/a-job/1") for each in made)
    assert _files(fallback) == []


def test_an_output_path_that_is_not_there_is_not_made_and_its_fallback_takes_the_files(tmp_path: Path) -> None:
    output, fallback = tmp_path / "not mounted", tmp_path / "fallback"
    fallback.mkdir()
    server, work = StorageServer("flex-1", tmp_path), _work("2022/a.mp4", tmp_path.stat())
    with pytest.raises(StorageUnavailable):
        assemble.stage(WRITTEN, work, server, output)
    made = assemble.stage(WRITTEN, work, server, output, fallback)
    assert not output.exists()
    assert {each.kind: each.path.read_bytes() for each in made} == WRITTEN
    assert all(each.path.is_relative_to(fallback) for each in made)
    assert made[0].public_path == output / "flex-1/2022/a.scc", "where people look for it stays where it was"
    with pytest.raises(StorageUnavailable, match="and in the fallback"):
        assemble.stage(WRITTEN, work, server, output, tmp_path / "not mounted either")


def test_an_output_path_that_fills_up_half_way_keeps_none_of_the_files(tmp_path: Path) -> None:
    output, fallback = tmp_path / "output", tmp_path / "fallback"
    output.mkdir()
    fallback.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", output], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    server, work = StorageServer("flex-1", tmp_path), _work("a.mp4", tmp_path.stat())
    try:
        with pytest.raises(StorageFull):
            assemble.stage(WRITTEN, work, server, output)
        assert _files(output) == []
        made = assemble.stage(WRITTEN, work, server, output, fallback)
        assert {each.kind: each.path.read_bytes() for each in made} == WRITTEN
        assert _files(output) == []
        subprocess.run(["mount", "-o", "remount,ro", output], check=True)
        with pytest.raises(StorageReadOnly):
            assemble.stage(WRITTEN, work, server, output)
    finally:
        subprocess.run(["umount", "-l", output], check=True)
    assert all(each.path.is_relative_to(fallback) for each in made)
