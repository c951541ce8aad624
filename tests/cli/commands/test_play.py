"""Captions drawn in a terminal stand where they stand on the television screen."""

from archivist_captions.cea608.decoder import DisplayedText, MemoryRow
from archivist_cli.commands.captions.play import drawn


def test_each_row_is_32_columns_wide_and_starts_at_its_column() -> None:
    rows = (MemoryRow(14, 4, "I move to approve"), MemoryRow(15, 0, "x" * 32))
    lines = list(drawn([DisplayedText(1800, 1900, rows)], 1))
    assert lines[0].strip() == "00:01:00;02"
    assert lines[2] == f" │ {'    I move to approve':<32} │"
    assert len({len(line) for line in lines[1:]}) == 1


def test_what_is_left_out_is_counted() -> None:
    screens = [DisplayedText(n, n + 1, (MemoryRow(15, 0, "Aye."),)) for n in range(5)]
    assert list(drawn(screens, 2))[-1].strip() == "… and 3 more"
