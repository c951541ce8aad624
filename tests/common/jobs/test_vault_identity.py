"""A machine leads jobs only where the gateway reads their files."""

from pathlib import Path

import pytest

from archivist_common.database.engine import Database
from archivist_common.errors import StorageError
from archivist_common.jobs import vault_identity
from archivist_common.jobs.vault_identity import VaultWatch


def test_a_vault_keeps_its_name(tmp_path: Path) -> None:
    assert vault_identity.read(tmp_path) is None
    name = vault_identity.ensure_id(tmp_path)
    assert name
    assert vault_identity.ensure_id(tmp_path) == vault_identity.read(tmp_path) == name


def test_a_folder_that_cannot_be_written_has_no_vault(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file in the way")
    with pytest.raises(StorageError):
        vault_identity.ensure_id(tmp_path / "output")


def test_an_output_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        vault_identity.ensure_id(tmp_path / "not mounted")
    assert list(tmp_path.iterdir()) == []


async def test_who_shares_the_gateways_vault_leads_and_who_does_not_only_hears(db: Database, tmp_path: Path) -> None:
    for name in ("station", "second"):
        (tmp_path / name).mkdir()
    here, elsewhere = VaultWatch(db, tmp_path / "station"), VaultWatch(db, tmp_path / "second")
    await here.look()
    await elsewhere.look()
    assert (here.leads(), elsewhere.leads()) == (True, True), "nobody has said yet where results are read"
    async with db.transaction() as session:
        await vault_identity.register(session, vault_identity.ensure_id(tmp_path / "station"))
    await here.look()
    await elsewhere.look()
    assert (here.leads(), elsewhere.leads()) == (True, False)
    async with db.transaction() as session:
        await vault_identity.register(session, vault_identity.ensure_id(tmp_path / "second"))
    await elsewhere.look()
    assert elsewhere.leads()
