"""The folder as a target, on a real disk: people's files, crashes at every write, disks that fail, others at work."""

import asyncio
import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import pytest_asyncio
from pydantic import ValidationError
from tests.simulators import faultfs
from tests.vod.folder.rss_validation import problems
from tests.vod.folder.world import FIRST, URL, folder_station
from tests.vod.world import SPOKEN, spoken

from archivist_captions.cea608.options import SccOptions
from archivist_captions.formats import vtt
from archivist_captions.formats.scc import write_scc
from archivist_common.chapters.detection import Chapter
from archivist_common.errors import (
    Fenced,
    NeedsPerson,
    PublicNameTaken,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
    TargetMissing,
)
from archivist_common.publishing import requests
from archivist_common.publishing.options import PublishOptions
from archivist_common.settings import VodSettings
from archivist_common.shows.bodies import NONE
from archivist_common.shows.matching import KnownShows
from archivist_common.storage.client import StorageClient
from archivist_vod.folder import contents
from archivist_vod.folder.item import FolderItem
from archivist_vod.folder.manifest import Manifest, ManifestDamaged
from archivist_vod.folder.publisher import FolderPublisher as Folder
from archivist_vod.folder.publisher import opened
from archivist_vod.targets import caption_comparison
from archivist_vod.targets.interface import Accepted, Track, Work
from archivist_vod.targets.progress import State

PATH = "2026/Harbor City Council (20261118).mp4"
OTHER = SPOKEN.replace("water tower", "fire station")


class Freely:
    """A ledger for what needs none of its memory. Its fence closes at the `last`-th question."""

    def __init__(self, last: int | None = None) -> None:
        self.warnings: dict[str, str] = {}
        self._last = last

    def warn(self, code: str, message: str) -> None:
        self.warnings[code] = message

    def require(self) -> None:
        if self._last is not None:
            if self._last == 0:
                raise Fenced("closed by the test")
            self._last -= 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    folder.mkdir()
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def make(root: Path) -> AsyncIterator[Callable[..., Folder]]:
    """Makes publishers to the folder, each as a process of its own has it."""
    async with StorageClient([]) as storages:

        def made(folder: Path = root, now: Callable[[], datetime] = lambda: FIRST, **given: Any) -> Folder:
            told = {"publish_folder": folder, "publish_folder_url": URL, "vod_timeout": 20} | given
            settings = VodSettings(_env_file=None, database_url="postgresql://u@h/d", **told)
            return Folder(settings, storages, now=now)

        yield made


def work(vault: Path, said: str = SPOKEN, *, version: int = 1, path: str = PATH, **more: Any) -> Work:
    captions = spoken(said)
    data = write_scc(captions).text.encode()
    scc = vault / f"{contents.digest(data)}.scc"
    scc.write_bytes(data)
    track = Track("scc", "en", data, contents.digest(data), scc, frozenset({contents.digest(data)}))
    told: dict[str, Any] = {
        "chapters": (Chapter(0, "Start"), Chapter(65_000, "Motion & vote <5-0>")),
        "description": "The water tower needs paint.",
        "tags": ("Motion",),
    } | more
    return Work(
        requests.key_of("flex-1", path),
        version,
        "flex-1",
        path,
        600,
        track,
        told.pop("options", PublishOptions()),
        **told,
    )


async def nothing() -> KnownShows:
    return KnownShows((), NONE)


async def published(folder: Folder, one: Work, ledger: Any = None) -> FolderItem:
    ledger = ledger or Freely()
    item: FolderItem = (await folder.resolve(one, nothing)).item  # type: ignore[union-attr]
    item = await folder.ensure(one, item, ledger)
    for put in (folder.put_captions, folder.start, folder.put_chapters, folder.put_metadata):
        item = await put(one, item, ledger)
    return item


def stands(root: Path) -> dict[str, bytes]:
    """What anybody may look at."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    }


# what is written


async def test_a_recording_is_a_folder_with_every_file_that_players_and_people_ask_for(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    item = await published(make(), work(tmp_path))
    name = item.folder
    assert re.fullmatch(r"arc-[0-9a-f]{16}-harbor-city-council-2026-11-18", name)
    assert set(stands(root)) == {
        "feed.xml",
        "index.html",
        *(f"{name}/{file}" for file in contents.CAPTIONS),
        *(f"{name}/{file}" for file in ("chapters.vtt", "chapters.json", "description.txt", "index.html")),
    }
    chapters = (root / name / "chapters.vtt").read_text()
    assert chapters == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:01:05.000\nStart\n\n"
        "2\n00:01:05.000 --> 00:10:00.000\nMotion &amp; vote &lt;5-0&gt;\n"
    )
    told = json.loads((root / name / "chapters.json").read_bytes())
    assert told == {
        "version": "1.2.0",
        "chapters": [{"startTime": 0.0, "title": "Start"}, {"startTime": 65.0, "title": "Motion & vote <5-0>"}],
    }
    assert problems((root / "feed.xml").read_bytes()) == []


async def test_every_address_in_the_feed_is_a_file_that_is_there(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    await published(make(), work(tmp_path))
    feed = ET.parse(root / "feed.xml").getroot()
    addresses = {one.get(name) for one in feed.iter() for name in ("url", "href") if one.get(name)}
    addresses |= {one.text for one in feed.iter("link")}
    assert len(addresses) == 7
    for address in addresses:
        assert address is not None
        assert (root / address.removeprefix(f"{URL}/")).is_file(), address


async def test_pages_name_nothing_from_elsewhere_and_run_nothing(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    options = PublishOptions(title='<script>alert(1)</script> & "more"')
    item = await published(make(), work(tmp_path, options=options))
    for page in (root / "index.html", root / item.folder / "index.html"):
        text = page.read_text()
        assert "<script" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;more&quot;" in text
        assert "://" not in text
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            assert (page.parent / link).is_file(), link


async def test_captions_laid_out_from_the_words_are_taken_only_where_they_say_what_the_scc_says(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    finer = vtt.write(spoken(SPOKEN.replace("Good evening.", "Good evening …")))
    for said, file in ((SPOKEN, vtt.write(spoken())), (SPOKEN, vtt.write(spoken(OTHER))), (SPOKEN, finer)):
        path = tmp_path / "captions.vtt"
        path.write_bytes(file)
        one = work(tmp_path, said, files={"vtt": path})
        item = await published(make(), one)
        shown = (root / item.folder / "captions.vtt").read_bytes()
        assert (shown == file) is (file == vtt.write(spoken()))
        assert b"water tower" in shown or b"water\ntower" in shown
        read = await make().verify(one, item)
        assert read is not None
        assert read.equal


@pytest.mark.parametrize("has_vtt", [True, False], ids=["laid-out", "made-of-the-scc"])
@pytest.mark.parametrize("label", ["01:00:00;00", "10:00:00:00"])
async def test_an_scc_that_counts_from_a_full_hour_is_the_same_captions(
    label: str, has_vtt: bool, make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    """A station's start label is no delay: what players take begins at zero all the same."""
    labelled = write_scc(spoken(), SccOptions(start_label=label, drop_frame=";" in label)).text.encode()
    made = tmp_path / "captions.vtt"
    made.write_bytes(vtt.write(spoken()))
    one = work(tmp_path, files={"vtt": made} if has_vtt else {})
    one = replace(one, track=replace(one.track, data=labelled, sha256=contents.digest(labelled)))
    item = await published(make(), one)
    first = caption_comparison.parse_vtt((root / item.folder / "captions.vtt").read_bytes())[0]
    assert abs(first.start_ms - 5_000) < 100
    read = await make().verify(one, item)
    assert read is not None
    assert (read.equal, read.first_difference) == (True, None)


async def test_the_recording_itself_is_named_where_it_is_served(own_database: str, tmp_path: Path) -> None:
    media = "https://media.example.org/{storage}/{path}"
    async with folder_station(own_database, tmp_path, publish_folder_media_url=media) as station:
        (station.mounts["flex-1"] / "2026").mkdir()
        (station.mounts["flex-1"] / PATH).write_bytes(b"m" * 70_000)
        done = await station.drive(await station.ask(await station.laid_out(PATH, spoken())))
        assert done.status == "published"
        data = (station.root / "feed.xml").read_bytes()
        assert problems(data) == []
        enclosure = ET.fromstring(data).find("channel/item/enclosure")
        assert enclosure is not None
        assert enclosure.attrib == {
            "url": "https://media.example.org/flex-1/2026/Harbor%20City%20Council%20%2820261118%29.mp4",
            "length": "70000",
            "type": "video/mp4",
        }


async def test_the_feed_names_the_newest_and_the_page_names_all(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    for n in range(4):
        await published(
            make(publish_folder_feed_items=2, now=lambda n=n: FIRST + timedelta(days=n)),
            work(tmp_path, path=f"Council {n}.mp4"),
        )
    titles = [one.text for one in ET.parse(root / "feed.xml").getroot().findall("channel/item/title")]
    assert titles == ["Council 3", "Council 2"]
    assert re.findall(r">(Council \d)<", (root / "index.html").read_text()) == [f"Council {n}" for n in (3, 2, 1, 0)]


# twice, and by others at the same time


async def test_publishing_twice_changes_nothing_at_all(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    def everything() -> dict[str, tuple[bytes, int]]:
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    await published(make(), work(tmp_path))
    before = everything()
    await published(make(now=lambda: FIRST + timedelta(days=30)), work(tmp_path))
    assert everything() == before


async def test_an_attempt_that_dies_at_any_write_is_finished_by_the_next(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    """Also where captions made anew replace ours: nothing of ours is taken for people's."""
    wanted: dict[str, bytes] = {}
    for one in (work(tmp_path), work(tmp_path, OTHER, version=2)):
        deaths = 0
        for last in range(1_000):
            ledger = Freely(last)
            try:
                item = await published(make(), one, ledger)
            except Fenced:
                deaths += 1
                continue
            assert ledger.warnings == {}
            break
        assert deaths > 5
        wanted = stands(root)
        assert (root / item.folder / "captions.scc").read_bytes() == one.track.data
        assert problems(wanted["feed.xml"]) == []
    assert (root / item.folder / "captions.v1.scc").read_bytes() == work(tmp_path).track.data
    assert not list(root.rglob(".archivist-*.part"))


async def test_files_left_by_an_attempt_that_died_are_ours_for_captions_that_say_something_else(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    """Version 2 dies at each of its writes; version 3 comes next."""
    for last in range(100):
        path = f"Council {last}.mp4"
        item = await published(make(), work(tmp_path, path=path))
        died = False
        try:
            await make().put_captions(work(tmp_path, OTHER, version=2, path=path), item, Freely(last))
        except Fenced:
            died = True
        third = work(tmp_path, SPOKEN.replace("tower", "bridge"), version=3, path=path)
        ledger = Freely()
        await published(make(), third, ledger)
        assert ledger.warnings == {}
        assert b"bridge" in (root / item.folder / "captions.vtt").read_bytes()
        if not died:
            break
    assert last > 5


_CHILD = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from tests.vod.folder.test_publisher import Freely, published, work
from archivist_common.settings import VodSettings
from archivist_common.storage.client import StorageClient
from archivist_vod.folder.item import FolderItem
from archivist_vod.folder.publisher import FolderPublisher as Folder

async def main():
    settings = VodSettings(_env_file=None, database_url="postgresql://u@h/d", publish_folder=sys.argv[1],
                           publish_folder_url="https://captions.example.org/recordings")
    folder = Folder(settings, StorageClient([]))
    for n in range(4):
        await published(folder, work(Path(sys.argv[2]), path=f"{sys.argv[3]} Council {n}.mp4"))
asyncio.run(main())
"""


def test_processes_at_once_lose_none_of_each_others_recordings(root: Path, tmp_path: Path) -> None:
    here = str(Path(__file__).parents[3])
    children = []
    for name in ("First", "Second"):
        vault = tmp_path / name
        vault.mkdir()
        command = [sys.executable, "-c", _CHILD, str(root), str(vault), name, here]
        children.append(subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True))
    for child in children:
        _, said = child.communicate(timeout=120)
        assert child.returncode == 0, said
    data = (root / "feed.xml").read_bytes()
    assert problems(data) == []
    titles = [one.text for one in ET.fromstring(data).findall("channel/item/title")]
    assert sorted(map(str, titles)) == sorted(f"{name} Council {n}" for name in ("First", "Second") for n in range(4))


async def test_a_lock_that_is_never_let_go_of_ends_the_wait_and_nothing_is_written_afterwards(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    fd = os.open(root / ".archivist.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    with pytest.raises(StorageUnavailable):
        await published(make(vod_timeout=0.3), work(tmp_path))
    os.close(fd)
    await asyncio.sleep(0.3)
    assert stands(root) == {}
    await published(make(), work(tmp_path))


# people's own


async def test_captions_edited_by_people_hold_the_publication_and_stay(own_database: str, tmp_path: Path) -> None:
    async with folder_station(own_database, tmp_path) as station:
        asked = await station.ask(await station.laid_out(PATH, spoken()))
        await station.drive(asked)
        edited = station.folder(requests.key_of("flex-1", PATH)) / "captions.vtt"
        edited.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nBetter words\n")
        held = await station.drive(await station.ask(await station.laid_out(PATH, spoken(OTHER))))
        assert (held.status, held.error_code) == ("held", "HUMAN_SIDECAR")
        assert "captions.vtt" in (held.error_message or "")
        assert "Better words" in edited.read_text()
        assert (edited.parent / "captions.scc").read_bytes() == write_scc(spoken()).text.encode()

        edited.rename(edited.with_name("by-hand.vtt"))
        async with station.db.transaction() as session:
            await requests.retry(session, asked)
        assert (await station.drive(asked)).status == "published"
        assert "Better words" in (edited.parent / "by-hand.vtt").read_text()


@pytest.mark.parametrize("name", ["chapters.vtt", "chapters.json", "description.txt", "index.html"])
async def test_other_files_that_people_edited_are_left_and_told_of(
    name: str, make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    item = await published(make(), work(tmp_path))
    (root / item.folder / name).write_text("by hand")
    ledger = Freely()
    await published(make(), work(tmp_path, description="Other words.", chapters=(Chapter(0, "Begin"),)), ledger)
    assert (root / item.folder / name).read_text() == "by hand"
    assert name in " ".join(ledger.warnings.values())
    await published(make(), work(tmp_path, description="", chapters=()), Freely())
    assert (root / item.folder / name).read_text() == "by hand"


async def test_a_link_under_a_captions_name_is_not_followed(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    one, ledger = work(tmp_path), Freely()
    item = await make().ensure(one, FolderItem(), ledger)
    elsewhere = tmp_path / "elsewhere.scc"
    elsewhere.write_text("somebody's")
    (root / item.folder / "captions.scc").symlink_to(elsewhere)
    with pytest.raises(PublicNameTaken):
        await make().put_captions(one, item, ledger)
    assert elsewhere.read_text() == "somebody's"


async def test_a_feed_of_somebody_elses_is_a_persons_to_move(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    (root / "feed.xml").write_text("<rss/>")
    with pytest.raises(NeedsPerson, match=r"feed\.xml") as told:
        await published(make(), work(tmp_path))
    assert told.value.why == "FEED_BY_PEOPLE"
    assert (root / "feed.xml").read_text() == "<rss/>"
    (root / "feed.xml").rename(tmp_path / "feed.xml")
    await published(make(), work(tmp_path))


async def test_an_index_of_somebody_elses_is_left_and_told_of(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    (root / "index.html").write_text("our own page")
    ledger = Freely()
    await published(make(), work(tmp_path), ledger)
    assert (root / "index.html").read_text() == "our own page"
    assert set(ledger.warnings) == {"INDEX_BY_PEOPLE"}


# withdrawn


async def test_withdrawn_twice_and_brought_back_it_is_what_it_was(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    one = work(tmp_path)
    item = await published(make(), one)
    (root / item.folder / "notes by the clerk.txt").write_text("kept")
    before = stands(root)
    for _ in range(2):
        item = await make().withdraw(item, Freely())
        assert set(stands(root)) == {"feed.xml", "index.html"}
        assert one.key not in (root / "feed.xml").read_text()
    assert one.key not in (root / "feed.xml").read_text()
    assert (root / ".withdrawn").stat().st_mode & 0o077 == 0, "no web server of another user shows it"
    with pytest.raises(TargetMissing):
        await make().poll(item)
    await published(make(), one)
    assert stands(root) == before


async def test_what_is_brought_back_is_listed_when_its_captions_stand_and_not_before(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    one = work(tmp_path)
    item = await make().withdraw(await published(make(), one), Freely())
    await make().ensure(one, item, Freely())
    await published(make(), work(tmp_path, path="Grant Planning.mp4"))
    assert one.key not in (root / "feed.xml").read_text()
    assert (await make().poll(item)).state is State.UNLISTED
    await published(make(), one)
    assert one.key in (root / "feed.xml").read_text()


async def test_what_was_never_listed_is_not_withdrawn(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    item = await make().ensure(work(tmp_path), FolderItem(), Freely())
    await make().withdraw(item, Freely())
    assert (root / item.folder).is_dir()


# looking


async def test_a_folder_that_somebody_deleted_is_missing_at_the_target(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    one = work(tmp_path)
    item = await published(make(), one)
    (root / item.folder).rename(tmp_path / "gone")
    with pytest.raises(TargetMissing):
        await make().poll(item)
    with pytest.raises(TargetMissing):
        await make().verify(one, item)
    await published(make(), one)
    assert (await make().poll(item)).state is State.DONE


async def test_captions_taken_away_are_not_accepted_nor_shown(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    one = work(tmp_path)
    item = await published(make(), one)
    (root / item.folder / "captions.scc").unlink()
    assert await make().accepted(one, item) is Accepted.NOT_YET
    assert await make().verify(one, item) is None


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        pytest.param("captions.vtt", lambda data: data.replace(b"tower", b"power"), "power", id="a-word-of-the-vtt"),
        pytest.param("captions.vtt", lambda data: data.replace(b"00:05.", b"00:02."), "early", id="a-time-of-it"),
        pytest.param("captions.scc", lambda data: data + b"\n", "byte", id="a-byte-of-the-scc"),
        pytest.param("captions.scc", lambda data: b"\x00\xff", "no SCC any more", id="no-scc"),
    ],
)
async def test_what_differs_is_read_back_in_words(
    name: str,
    change: Callable[[bytes], bytes],
    told: str,
    make: Callable[..., Folder],
    root: Path,
    tmp_path: Path,
) -> None:
    one = work(tmp_path)
    item = await published(make(), one)
    path = root / item.folder / name
    before = path.read_bytes()
    path.write_bytes(change(before))
    assert path.read_bytes() != before
    read = await make().verify(one, item)
    assert read is not None
    assert not read.equal
    assert told in str(read.first_difference)
    assert name in str(read.first_difference)


async def test_a_damaged_manifest_is_a_persons_to_mend_and_others_are_published_all_the_same(
    make: Callable[..., Folder], root: Path, tmp_path: Path
) -> None:
    one, other = work(tmp_path), work(tmp_path, path="Grant Planning (20261119).mp4")
    item = await published(make(), one)
    (root / item.folder / ".archivist.json").write_text("{}")
    with pytest.raises(NeedsPerson, match="damaged") as told:
        await published(make(), one)
    assert told.value.why == "MANIFEST_DAMAGED"
    ledger = Freely()
    await published(make(), other, ledger)
    assert [code.split()[0] for code in ledger.warnings] == ["MANIFEST_DAMAGED"]
    data = (root / "feed.xml").read_text()
    assert one.key not in data
    assert other.key in data


def test_a_manifest_is_read_as_it_was_written() -> None:
    one = Manifest("arc-1", "T — é", "en", "a.mp4", FIRST, FIRST, True, 3, 60, "d", ("t",), ((0, "c"),), URL, 9)
    one = replace(one.intending({"a": "1"}).intending({"a": "2", "b": "3"}), files={"a": "2"})
    assert Manifest.read(one.write()) == one
    assert one.is_ours("a", "1")
    assert not one.is_ours("b", "1")
    for broken in (b"", b"[]", b"{}", one.write().replace(b'"schema": 1', b'"schema": 9')):
        with pytest.raises(ManifestDamaged):
            Manifest.read(broken)


# the settings, and disks that fail


async def test_the_probe_says_what_is_missing(make: Callable[..., Folder], root: Path, tmp_path: Path) -> None:
    assert "PUBLISH_FOLDER_URL" in str((await make(publish_folder_url="").probe()).reason)
    missing = tmp_path / "not mounted"
    assert "is not there" in str((await make(missing).probe()).reason)
    assert not missing.exists()
    await published(make(), work(tmp_path))
    found = await make().probe()
    assert (found.reason, found.details["recordings"], found.details["damaged"]) == (None, 1, [])


async def test_a_folder_that_is_not_there_is_waited_for_and_never_made(
    make: Callable[..., Folder], tmp_path: Path
) -> None:
    missing = tmp_path / "not mounted"
    with pytest.raises(StorageUnavailable, match="is not there"):
        await published(make(missing), work(tmp_path))
    assert not missing.exists()


async def test_without_an_address_nothing_is_published(
    make: Callable[..., Folder], tmp_path: Path, root: Path
) -> None:
    with pytest.raises(NeedsPerson, match="PUBLISH_FOLDER_URL"):
        await published(make(publish_folder_url=""), work(tmp_path))
    assert stands(root) == {}


@pytest.mark.parametrize(
    "url",
    ["captions.example.org", "ftp://h/x", "https://", "https://user:secret@h/x", "https://h/x?y=1", "https://h/ x"],
)
def test_an_address_that_feeds_cannot_be_built_on_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        VodSettings(_env_file=None, database_url="postgresql://u@h/d", publish_folder_url=url)


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[faultfs.Mounted]:
    disk, point = tmp_path / "disk", tmp_path / "mounted"
    disk.mkdir()
    point.mkdir()
    try:
        mounted = faultfs.Mounted(disk, point)
    except faultfs.NotHere as exc:
        pytest.skip(str(exc))
    with mounted:
        yield mounted


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param("enospc", StorageFull, id="full"),
        pytest.param("edquot", StorageFull, id="quota"),
        pytest.param("erofs", StorageReadOnly, id="read-only"),
        pytest.param("eio", StorageUnavailable, id="broken"),
        pytest.param("estale", StorageUnavailable, id="gone"),
    ],
)
async def test_a_disk_that_fails_is_named_and_what_stood_there_still_does(
    fault: str, error: type[Exception], make: Callable[..., Folder], faulty: faultfs.Mounted, tmp_path: Path
) -> None:
    folder = make(faulty.point)
    await published(folder, work(tmp_path))
    before = stands(tmp_path / "disk")
    faulty.set(fault)
    with pytest.raises(error):
        await published(make(faulty.point), work(tmp_path, OTHER, version=2))
    assert (await make(faulty.point).probe()).reason
    faulty.set("ok")
    assert stands(tmp_path / "disk") == before
    await published(make(faulty.point), work(tmp_path, OTHER, version=2))
    assert problems((faulty.point / "feed.xml").read_bytes()) == []


async def test_a_disk_that_is_too_slow_costs_no_more_than_the_deadline(
    make: Callable[..., Folder], faulty: faultfs.Mounted, tmp_path: Path
) -> None:
    faulty.set("slow:0.5")
    began = asyncio.get_running_loop().time()
    with pytest.raises(StorageUnavailable):
        await published(make(faulty.point, vod_timeout=0.8), work(tmp_path))
    assert asyncio.get_running_loop().time() - began < 3
    faulty.set("ok")
    await published(make(faulty.point), work(tmp_path))


async def test_what_took_too_long_writes_nothing_more_when_the_disk_comes_to_itself(
    make: Callable[..., Folder], faulty: faultfs.Mounted, tmp_path: Path
) -> None:
    one = work(tmp_path)
    item = await make(faulty.point).ensure(one, FolderItem(), Freely())
    faulty.set("slow:0.1")
    with pytest.raises(StorageUnavailable, match="did not answer"):
        await make(faulty.point, vod_timeout=0.5).put_captions(one, item, Freely())
    faulty.set("ok")
    await asyncio.sleep(1)
    assert not (faulty.point / item.folder / contents.TRANSCRIPT).exists()
    await published(make(faulty.point), one)


async def test_a_folder_that_was_closed_takes_nothing_more(root: Path) -> None:
    settings = VodSettings(
        _env_file=None, database_url="postgresql://u@h/d", publish_folder=root, publish_folder_url=URL
    )
    async with opened(settings, StorageClient([])) as folder:
        assert (await folder.probe()).reason is None
    with pytest.raises(RuntimeError, match="after shutdown"):
        await folder.probe()
