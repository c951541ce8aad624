"""The benchmark of listing a folder, run small."""

import re

import pytest

from archivist_cli.main import main


def test_the_bench_prints_our_listing_beside_a_plain_one(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["bench", "storage", "--files", "50", "--runs", "2"])
    said = capfd.readouterr().out
    assert "50 recordings with captions beside them, median of 2 paired runs" in said
    found = dict(re.findall(r"^(newest page|scandir \+ stat|ratio|longest pause) +(\d+\.\d+)", said, re.MULTILINE))
    assert set(found) == {"newest page", "scandir + stat", "ratio", "longest pause"}
    assert float(found["newest page"]) > 0
    assert ("All kept." in said) == (code == 0)
    assert ("Not kept." in said) == (code == 1)
