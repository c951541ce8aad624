"""Two users and one recording: a publication is its owner's, and what an operator took off stays off."""

import pytest

from archivist_common.database.models import PublishTarget
from archivist_common.publishing import automatic
from archivist_common.publishing.options import PublishOptions

NAME = "17837-1-Council.mp4"


async def published_by(gateway, owner):
    """The id of a publication of this user's captions, published; ulf is a user beside them."""
    await gateway.add("ulf")
    await gateway.target()
    job_id = await gateway.captioned(owner, NAME)
    async with gateway.as_(owner) as client:
        made = (await client.post("/publications", json={"transcription_id": job_id})).json()["id"]
    await gateway.published(await gateway.take())
    return made


async def test_a_colleagues_publication_is_not_taken_over(gateway):
    """He got it by publishing a job of his own; its first owner then read 404."""
    made = await published_by(gateway, "uma")
    theirs = await gateway.captioned("ulf", NAME, says="Something else was said.")
    async with gateway.as_("ulf") as ulf, gateway.as_("uma") as uma:
        refused = await ulf.post("/publications", json={"transcription_id": theirs})
        assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_DENIED")
        assert "another user's" in refused.json()["detail"]
        several = (await ulf.post("/publications/batch", json={"transcription_ids": [theirs]})).json()["items"]
        assert [one["error"]["code"] for one in several] == ["PERMISSION_DENIED"]
        assert (await ulf.get(f"/publications/{made}")).status_code == 200, "he has transcribed the recording"
        for act in ("withdraw", "retry", "rollback"):
            body = {"json": {}} if act == "rollback" else {}
            answer = await ulf.post(f"/publications/{made}/{act}", **body)
            assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED"), act
        link = await ulf.put(f"/transcriptions/{theirs}/show", json={"show_id": 7, "force": True})
        assert link.status_code == 403
        assert (await ulf.delete(f"/transcriptions/{theirs}/show")).status_code == 403
        found = (await uma.get(f"/publications/{made}")).json()
        assert (found["status"], found["version"]) == ("published", 1)
        assert [one["id"] for one in (await uma.get("/publications")).json()["items"]] == [made]
        assert (await uma.post(f"/publications/{made}/withdraw")).status_code == 202


async def test_who_has_not_transcribed_the_recording_does_not_learn_of_it(gateway):
    made = await published_by(gateway, "uma")
    async with gateway.as_("ulf") as ulf:
        for method, path in (("GET", ""), ("POST", "/withdraw"), ("POST", "/retry")):
            assert (await ulf.request(method, f"/publications/{made}{path}")).status_code == 404
        assert (await ulf.get("/publications")).json()["items"] == []


async def test_an_operator_publishes_anothers_captions_and_the_owner_reads_on(gateway):
    made = await published_by(gateway, "uma")
    better = await gateway.captioned("ulf", NAME, says="This was said.")
    async with gateway.as_("otto") as otto, gateway.as_("uma") as uma, gateway.as_("ulf") as ulf:
        answer = await otto.post("/publications", json={"transcription_id": better})
        assert (answer.status_code, answer.json()["id"], answer.json()["version"]) == (202, made, 2)
        for reader in (uma, ulf):
            assert (await reader.get(f"/publications/{made}")).json()["transcription_id"] == better
            assert [one["id"] for one in (await reader.get("/publications")).json()["items"]] == [made]
        chapters = {"items": []}
        assert (await ulf.put(f"/transcriptions/{better}/chapters", json=chapters)).status_code == 403
        assert (await uma.post(f"/publications/{made}/rollback", json={"to": 1})).status_code == 202


async def test_what_an_operator_has_withdrawn_no_user_puts_back(gateway):
    made = await published_by(gateway, "uma")
    async with gateway.as_("otto") as otto, gateway.as_("uma") as uma:
        job_id = (await uma.get(f"/publications/{made}")).json()["transcription_id"]
        assert (await otto.post(f"/publications/{made}/withdraw")).status_code == 202
        again = await uma.post("/publications", json={"transcription_id": job_id})
        assert (again.status_code, again.json()["code"]) == (403, "PERMISSION_DENIED")
        assert "an operator has withdrawn" in again.json()["detail"]
        anew = await gateway.captioned("uma", NAME, says="Said again.")
        assert (await uma.post("/publications", json={"transcription_id": anew})).status_code == 403
        assert (await uma.get(f"/publications/{made}")).json()["withdrawing"] is True
        assert (await otto.post("/publications", json={"transcription_id": anew})).status_code == 202
        assert (await uma.post(f"/publications/{made}/withdraw")).status_code == 202
        assert (await uma.post("/publications", json={"transcription_id": anew})).status_code == 202, (
            "her own, lifted"
        )


async def test_what_its_owner_withdrew_and_an_operator_too_stays_off(gateway):
    made = await published_by(gateway, "uma")
    async with gateway.as_("otto") as otto, gateway.as_("uma") as uma:
        assert (await uma.post(f"/publications/{made}/withdraw")).status_code == 202
        assert (await otto.post(f"/publications/{made}/withdraw")).status_code == 202
        job_id = (await uma.get(f"/publications/{made}")).json()["transcription_id"]
        assert (await uma.post("/publications", json={"transcription_id": job_id})).status_code == 403


@pytest.mark.parametrize(("who", "asked"), [("ulf", 0), ("uma", 1), ("otto", 1)])
async def test_publishing_by_itself_replaces_no_colleagues_captions(gateway, who, asked):
    await published_by(gateway, "uma")
    async with gateway.db.transaction() as session:
        target = await session.get_one(PublishTarget, "cablecast")
        target.auto_since = target.seen_at
    await gateway.captioned(who, NAME, says="Something else was said.")
    async with gateway.db.transaction() as session:
        assert len(await automatic.request_automatic(session, "cablecast", PublishOptions())) == asked
