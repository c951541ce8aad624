"""From log-in to captions, as a client of the gateway walks it."""

import json

from archivist_common.jobs import lifecycle
from archivist_common.states import Stage


async def test_a_recording_is_submitted_followed_and_downloaded(gateway, submission):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json=submission())
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert answer.headers["location"] == f"/api/v1/transcriptions/{job['id']}"
        assert (job["status"], job["position"], job["progress"]) == ("pending", 1, 0)

        held = await gateway.claim()
        async with gateway.db.transaction() as session:
            await lifecycle.advance(session, held, lifecycle.StageProgress(Stage.TRANSCRIBE, 50, 30_000, 60_000))
        job = (await uma.get(f"/transcriptions/{job['id']}")).json()
        assert (job["status"], job["stage"], job["progress"]) == ("processing", "transcribe", 50)
        assert (job["audio_done_s"], job["audio_s"]) == (30, 60)
        assert job["left_s"] is not None

        summary = {"sentences": [{"start_ms": 0, "end_ms": 900, "text": "They met.", "weight": 1}]}
        files = {"scc": b"Scenarist_SCC V1.0\n", "summary": b"They met.\n", "metadata": b"{}"}
        await gateway.complete(held, files, summary=summary)
        job = (await uma.get(f"/transcriptions/{job['id']}")).json()
        assert job["status"] == "completed"
        assert {output["kind"] for output in job["outputs"]} == {"scc", "summary", "metadata"}

        file = await uma.get(f"/transcriptions/{job['id']}/captions/scc")
        assert file.content == b"Scenarist_SCC V1.0\n"
        assert file.headers["content-disposition"].startswith('attachment; filename="Council (20220412).scc"')
        told = (await uma.get(f"/transcriptions/{job['id']}/summary")).json()
        assert told["sentences"][0]["text"] == "They met."
        assert (await uma.get(f"/transcriptions/{job['id']}/summary?as=text")).text == "They met.\n"

        stream = await uma.get(f"/transcriptions/{job['id']}/events")
        states = [json.loads(line[6:])["status"] for line in stream.text.splitlines() if line.startswith("data: ")]
        assert states == ["pending", "processing", "completed"]
