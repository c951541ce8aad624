"""Accounts, log-ins and keys over HTTP."""

import pytest
from sqlalchemy import text

PASSWORD = "seven green lanterns at dusk"
OTHER = "eight blue kites over the pier"


async def test_an_administrator_adds_somebody_who_comes_in_with_a_password_of_their_own(gateway):
    async with gateway.as_("ada") as ada:
        answer = await ada.post("/users", json={"username": "Lee", "email": "lee@example.org", "role": "operator"})
        assert answer.status_code == 201
        made = answer.json()
        assert (await ada.get(f"http://gateway{answer.headers['location']}")).json()["username"] == "lee"
    once = made["one_time_password"]
    early = await gateway.log_in("lee", once)
    assert (early.status_code, early.json()["code"]) == (403, "PASSWORD_CHANGE_REQUIRED")
    weak = await gateway.log_in("lee", once, new_password="password123456")
    assert (weak.status_code, weak.json()["code"]) == (422, "WEAK_PASSWORD")
    assert (await gateway.log_in("lee", once, new_password=OTHER)).status_code == 200
    assert (await gateway.log_in("lee", once, new_password=PASSWORD)).status_code == 401
    tokens = (await gateway.log_in("lee", OTHER)).json()
    async with gateway.client(tokens["access_token"]) as lee:
        me = (await lee.get("/users/me")).json()
    assert (me["username"], me["role"]) == ("lee", "operator")
    assert "transcriptions:all" in me["permissions"]
    assert "admin" not in me["permissions"]


async def test_wrong_unknown_and_shut_out_read_the_same(gateway):
    async with gateway.as_("ada") as ada:
        otto = (await ada.get("/users")).json()["items"]
        otto_id = next(user["id"] for user in otto if user["username"] == "otto")
        await ada.patch(f"/users/{otto_id}", json={"active": False})
    answers = [
        await gateway.log_in("uma", "a wrong one, surely"),
        await gateway.log_in("nobody", PASSWORD),
        await gateway.log_in("otto", PASSWORD),
    ]
    told = {(a.status_code, a.json()["code"], a.json()["detail"], tuple(a.headers.keys())) for a in answers}
    assert len(told) == 1
    assert answers[0].status_code == 401


async def test_guessing_is_slowed_down_with_the_time_to_wait_and_a_session_goes_on(gateway):
    for _ in range(10):
        assert (await gateway.log_in("uma", "a wrong one, surely")).status_code == 401
    answer = await gateway.log_in("uma")
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert int(answer.headers["retry-after"]) >= 1
    async with gateway.as_("uma") as uma:
        assert (await uma.get("/users/me")).status_code == 200
    assert (await gateway.log_in("otto")).status_code == 200


async def test_a_session_is_continued_and_ended(gateway):
    tokens = (await gateway.log_in("uma")).json()
    assert tokens["expires_in_s"] == 600
    async with gateway.client() as client:
        answer = await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        later = answer.json()
    assert later["refresh_token"] != tokens["refresh_token"]
    async with gateway.client(later["access_token"]) as uma:
        assert (await uma.post("/auth/logout")).status_code == 204
        answer = await uma.get("/users/me")
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    async with gateway.client() as client:
        answer = await client.post("/auth/refresh", json={"refresh_token": later["refresh_token"]})
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")


async def test_changing_the_password_ends_the_session_and_needs_the_old_one(gateway):
    async with gateway.as_("uma") as uma:
        body = {"current_password": "a wrong one, surely", "new_password": OTHER}
        assert (await uma.post("/auth/password", json=body)).status_code == 401
        assert (await uma.post("/auth/password", json=body | {"current_password": PASSWORD})).status_code == 204
        assert (await uma.get("/users/me")).status_code == 401
    assert (await gateway.log_in("uma")).status_code == 401
    assert (await gateway.log_in("uma", OTHER)).status_code == 200


async def test_a_forgotten_password_is_replaced_by_an_administrator(gateway):
    async with gateway.as_("uma") as uma, gateway.as_("ada") as ada:
        uma_id = (await uma.get("/users/me")).json()["id"]
        made = (await ada.post(f"/users/{uma_id}/one-time-password")).json()
        assert (await uma.get("/users/me")).status_code == 401
    assert (await gateway.log_in("uma", made["one_time_password"], new_password=OTHER)).status_code == 200


async def test_the_last_administrator_stays(gateway):
    async with gateway.as_("ada") as ada:
        ada_id = (await ada.get("/users/me")).json()["id"]
        for change in ({"active": False}, {"role": "user"}):
            assert (await ada.patch(f"/users/{ada_id}", json=change)).status_code == 409
        assert (await ada.get("/users")).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"username": "uma"}, 409, id="a-name-that-is-taken"),
        pytest.param({"username": "kim", "email": "UMA@localhost"}, 409, id="an-address-that-is-taken"),
        pytest.param({"username": "k"}, 422, id="a-short-name"),
        pytest.param({"username": "kim smith"}, 422, id="a-name-with-a-space"),
        pytest.param({"username": "kim\0x"}, 422, id="nul"),
        pytest.param({"username": "kim", "email": "kim"}, 422, id="no-address"),
        pytest.param({"username": "kim", "role": "root"}, 422, id="no-role"),
        pytest.param({"username": "kim", "password_hash": "x"}, 422, id="a-hash"),
    ],
)
async def test_an_account_that_cannot_be_is_refused(gateway, body, status):
    async with gateway.as_("ada") as ada:
        assert (await ada.post("/users", json=body)).status_code == status


async def test_people_are_paged(gateway):
    async with gateway.as_("ada") as ada:
        first = (await ada.get("/users?limit=2")).json()
        rest = (await ada.get("/users", params={"limit": 2, "cursor": first["next"]})).json()
    assert [user["username"] for user in first["items"] + rest["items"]] == ["ada", "otto", "uma"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"username": "uma"}, id="no-password"),
        pytest.param({"username": "uma", "password": ""}, id="empty-password"),
        pytest.param({"username": "uma", "password": "x" * 129}, id="endless-password"),
        pytest.param({"username": "uma\0", "password": "x"}, id="nul-in-the-name"),
        pytest.param({"username": "uma", "password": "x", "role": "admin"}, id="a-role"),
        pytest.param({"username": ["uma"], "password": "x"}, id="a-list"),
    ],
)
async def test_a_log_in_that_is_none_is_refused_without_repeating_what_was_typed(gateway, body):
    async with gateway.client() as client:
        answer = await client.post("/auth/login", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
    assert "x" * 20 not in answer.text


async def test_a_password_may_hold_any_character(gateway):
    async with gateway.as_("uma") as uma:
        new = "sieben grüne 🏮 \0 \t laternen"
        body = {"current_password": PASSWORD, "new_password": new}
        assert (await uma.post("/auth/password", json=body)).status_code == 204
    assert (await gateway.log_in("uma", new)).status_code == 200


async def test_half_an_emoji_in_a_password_is_refused(gateway):
    async with gateway.client() as client:
        content = b'{"username": "uma", "password": "\\ud83d"}'
        answer = await client.post("/auth/login", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


async def test_a_key_for_reading_reads_and_does_not_write(gateway):
    async with gateway.as_("ada") as ada:
        body = {"name": "web team", "expires_in_days": 30, "permissions": ["transcriptions:read", "storage:read"]}
        made = (await ada.post("/api-keys", json=body)).json()
        async with gateway.client(made["key"]) as program:
            assert (await program.get("/transcriptions")).status_code == 200
            assert (await program.get("/storage")).status_code == 200
            body = {"storage": "flex-1", "path": gateway.recording("a.mp4")}
            answer = await program.post("/transcriptions", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_DENIED")
        listed = (await ada.get("/api-keys")).json()["items"]
    assert [key["prefix"] for key in listed] == [made["api_key"]["prefix"]]
    assert listed[0]["last_used"] is not None
    assert made["key"] not in str(listed)


async def test_a_key_is_made_for_somebody_else_by_an_administrator_alone(gateway):
    async with gateway.as_("ada") as ada, gateway.as_("uma") as uma:
        uma_id, ada_id = [(await client.get("/users/me")).json()["id"] for client in (uma, ada)]
        assert (await uma.post("/api-keys", json={"name": "k", "user_id": ada_id})).status_code == 403
        made = (await ada.post("/api-keys", json={"name": "k", "user_id": uma_id})).json()
        assert made["api_key"]["user_id"] == uma_id
        assert (await ada.post("/api-keys", json={"name": "k", "user_id": 2**31 - 1})).status_code == 404
        wide = {"name": "k", "user_id": uma_id, "permissions": ["admin"]}
        assert (await ada.post("/api-keys", json=wide)).status_code == 403
        assert (await uma.get("/api-keys?everybody=true")).status_code == 403
        assert len((await ada.get("/api-keys?everybody=true")).json()["items"]) == 1
        assert (await ada.get("/api-keys")).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({}, 422, id="no-name"),
        pytest.param({"name": ""}, 422, id="empty-name"),
        pytest.param({"name": "k", "expires_in_days": 366}, 422, id="over-a-year"),
        pytest.param({"name": "k", "expires_in_days": 0}, 422, id="no-time-at-all"),
        pytest.param({"name": "k", "permissions": []}, 422, id="no-permission"),
        pytest.param({"name": "k", "permissions": ["everything"]}, 422, id="a-word-that-is-no-permission"),
        pytest.param({"name": "k", "permissions": ["account"]}, 422, id="the-account"),
        pytest.param({"name": "k", "permissions": ["transcriptions:all"]}, 403, id="more-than-the-role"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(gateway, body, status):
    async with gateway.as_("uma") as uma:
        assert (await uma.post("/api-keys", json=body)).status_code == status


async def test_a_proxy_is_believed_only_where_the_settings_name_it(
    gateway, start_gateway, own_database, redis_url, tmp_path
):
    async def addresses(running, peer):
        headers = {"X-Forwarded-For": "203.0.113.9"}
        async with running.client(address=peer) as client:
            await client.post("/auth/login", json={"username": "x", "password": "y"}, headers=headers)
        async with running.db.transaction() as session:
            query = "SELECT metadata->>'address' FROM system_logs WHERE component = 'login' ORDER BY id DESC LIMIT 1"
            return await session.scalar(text(query))

    assert await addresses(gateway, "127.0.0.1") == "127.0.0.1"
    async with start_gateway(own_database, redis_url, tmp_path, trusted_proxies="10.1.0.0/16, 127.0.0.1") as behind:
        assert await addresses(behind, "10.1.2.3") == "203.0.113.9"
        assert await addresses(behind, "10.2.2.3") == "10.2.2.3"


async def test_a_key_that_signs_can_be_changed_without_logging_anybody_out(
    gateway, start_gateway, redis_url, tmp_path
):
    token = await gateway.credential("uma")
    url = gateway.settings.database_url.get_secret_value()
    new = {"secret_key": "a new key that signs, with 32 bytes", "secret_key_previous": gateway.settings.secret_key}
    async with start_gateway(url, redis_url, tmp_path, **new) as later, later.client(token) as uma:
        assert (await uma.get("/users/me")).status_code == 200
    new["secret_key_previous"] = None
    async with start_gateway(url, redis_url, tmp_path, **new) as latest, latest.client(token) as uma:
        assert (await uma.get("/users/me")).status_code == 401
