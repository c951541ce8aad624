"""What the documents name is there: modules, links, decision records with their status."""

import re
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from archivist_captions.cea608.decoder import DisplayedText, MemoryRow
from archivist_cli.commands.captions.picture import png

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
HISTORY = {ROOT / "CHANGELOG.md"}  # names what was
IN_SHORT = {ROOT / "docs/architecture.md", ROOT / "docs/glossary.md"}  # each path begins with its package
RECORDS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
STATUS = re.compile(r"^(accepted|superseded by \[\d+\]\([\w-]+\.md\))(; .+)?\.$", re.DOTALL)
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def there() -> frozenset[str]:
    """Every file and folder of the repository, in full, and in short as `common/jobs/`."""
    found = set()
    for top in ("libs", "services", "tests", "deploy", "demo", "docs", "requirements", ".ci"):
        found.add(f"{top}/")
        for path in (ROOT / top).rglob("*"):
            if "__pycache__" not in path.parts:
                name = str(path.relative_to(ROOT)) + ("/" if path.is_dir() else "")
                found |= {name, re.sub(r"^(libs|services)/\w+/archivist_(\w+)/", r"\2/", name)}
    return frozenset(found)


def named(text: str) -> set[str]:
    """Python files, and folders of the packages, that a text names between backticks."""
    quoted = re.findall(r"`([^`\s]+)`", text)
    packages = {name.partition("/")[0] for name in there()}
    return {
        name
        for name in quoted
        if re.fullmatch(r"[\w./-]+\.py", name)
        or (re.fullmatch(r"[\w-]+(/[\w-]+)*/", name) and name.partition("/")[0] in packages)
    }


def missing(names: set[str], *, in_short: bool) -> list[str]:
    """Those that are nowhere. in_short: each must begin with its package, else with any folder on its way."""
    return sorted(
        name
        for name in names
        if name not in there() and (in_short or not any(one.endswith(f"/{name}") for one in there()))
    )


@EVERY_PAGE
def test_every_module_that_a_document_names_exists(page: Path) -> None:
    if page not in HISTORY:
        assert missing(named(page.read_text()), in_short=page in IN_SHORT) == []


def test_a_module_that_is_gone_is_seen() -> None:
    there = "`common/jobs/lifecycle.py`, `vod/targets/`, `lifecycle.py`, `/mnt/flex-1/`"
    text = f"{there}, `common/queue.py`, `doorbell.py`, `vod/rooms/`"
    assert missing(named(text), in_short=False) == ["common/queue.py", "doorbell.py", "vod/rooms/"]
    assert missing({"lifecycle.py"}, in_short=True) == ["lifecycle.py"]


@EVERY_PAGE
def test_every_link_within_the_repository_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_module_of_the_life_of_a_job_and_of_a_publication_is_named_with_its_package() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    for life in ("## The life of a job", "## The life of a publication"):
        rows = re.findall(r"^\| [^|]+ \| (`[^|]+) \|$", page.partition(life)[2].partition("\n## ")[0], re.MULTILINE)
        assert len(rows) >= 9, life
        assert all(re.fullmatch(r"(`\w+(/\w+)+\.py`(, )?)+", row) for row in rows), rows


def test_every_record_is_in_the_index_once_with_its_title_and_nothing_else_is() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()
    rows = re.findall(r"^\| \[(\d+)\]\(([\w-]+\.md)\) \| ([^|]+) \| ([^|]+) \|$", index, re.MULTILINE)
    assert [name for _, name, _, _ in rows] == [record.name for record in RECORDS]
    for number, name, title, _ in rows:
        assert (ROOT / "docs/decisions" / name).read_text().splitlines()[0] == f"# {number}. {title}"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_every_record_has_a_status_line_that_the_index_repeats(record: Path) -> None:
    status = record.read_text().splitlines()[2]
    assert status.startswith("Status: ")
    assert STATUS.match(status.removeprefix("Status: ")), status
    row = next(line for line in (record.parent / "README.md").read_text().splitlines() if f"({record.name})" in line)
    word = status.removeprefix("Status: ").split(";")[0].rstrip(".").split(" [")[0]
    assert f"| {word}" in row
    prose = [line for line in record.read_text().splitlines() if not line.startswith("|")]
    assert len(prose) <= 32  # a heading, a status, and thirty lines, beside its tables


def test_the_picture_of_the_readme_is_what_the_preview_draws_of_these_captions() -> None:
    alt, name = re.findall(r"!\[(.+)\]\((.+\.png)\)", (ROOT / "README.md").read_text())[0]
    rows = (MemoryRow(14, 4, "Good morning, everyone."), MemoryRow(15, 1, "I call this meeting to order."))
    assert alt.endswith(" ".join(row.text for row in rows))
    with Image.open(ROOT / name) as shown, Image.open(BytesIO(png(DisplayedText(885, 974, rows)))) as drawn:
        assert ImageChops.difference(shown, drawn).getbbox() is None
    assert (ROOT / name).stat().st_size < 60_000
