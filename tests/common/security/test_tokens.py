"""Tokens that are not exactly ours are refused, whatever they were made with."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from archivist_common.errors import InvalidToken
from archivist_common.security import tokens
from archivist_common.security.tokens import Keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BEGAN = int(NOW.timestamp())
SECRET = "the first of two secrets, 32 bytes and more"
KEYS = Keys((SECRET, "the one before it, which still verifies tokens"))
KID = next(iter(KEYS.named()))
SESSION = UUID("6f1c1a52-7f0b-4a7e-9a0e-0a2f4d7b9c11")
TEN_MINUTES = timedelta(minutes=10)

HEADER = {"alg": "HS256", "kid": KID, "typ": "at+jwt"}
CLAIMS = {
    "iss": "archivist",
    "aud": "archivist-api",
    "sub": "7",
    "sid": str(SESSION),
    "jti": "0123456789abcdef0123456789abcdef",
    "typ": "access",
    "iat": BEGAN,
    "nbf": BEGAN,
    "exp": BEGAN + 600,
}
GONE = object()


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: bytes, payload: bytes, secret: str = SECRET, digest: str = "sha256") -> str:
    """A token with a correct signature over whatever it holds."""
    text = f"{b64(header)}.{b64(payload)}"
    return f"{text}.{b64(hmac.digest(secret.encode(), text.encode(), digest))}"


def forged(header: dict | None = None, **claims) -> str:
    """Ours, but for what is given."""
    changed = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not GONE}
    heading = {name: value for name, value in {**HEADER, **(header or {})}.items() if value is not GONE}
    return signed(json.dumps(heading).encode(), json.dumps(changed).encode())


def test_what_was_issued_is_read_back():
    token = tokens.issue(KEYS, 7, SESSION, TEN_MINUTES, NOW)
    access = tokens.read(KEYS, token, NOW)
    assert (access.user_id, access.session_id, access.expires) == (7, SESSION, NOW + TEN_MINUTES)


def test_the_unchanged_forgery_is_good_so_each_case_fails_for_its_own_reason():
    assert tokens.read(KEYS, forged(), NOW).user_id == 7


def test_every_token_has_an_id_of_its_own():
    made = {tokens.read(KEYS, tokens.issue(KEYS, 7, SESSION, TEN_MINUTES, NOW), NOW).id for _ in range(50)}
    assert len(made) == 50


def test_a_key_that_was_replaced_still_verifies():
    old = tokens.issue(Keys(KEYS.secrets[1:]), 7, SESSION, TEN_MINUTES, NOW)
    assert tokens.read(KEYS, old, NOW).user_id == 7


def test_a_key_that_is_gone_verifies_nothing():
    token = tokens.issue(KEYS, 7, SESSION, TEN_MINUTES, NOW)
    with pytest.raises(InvalidToken):
        tokens.read(Keys(KEYS.secrets[1:]), token, NOW)


def test_keys_derived_for_other_purposes_differ():
    assert len({KEYS.derive("cursors"), KEYS.derive("refresh"), SECRET.encode()}) == 3


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(NOW + timedelta(seconds=600 + 29), id="29-s-after-its-end"),
        pytest.param(NOW - timedelta(seconds=29), id="29-s-before-its-beginning"),
    ],
)
def test_clocks_may_differ_by_half_a_minute(at):
    assert tokens.read(KEYS, forged(), at).user_id == 7


UNSIGNED = f"{b64(json.dumps({**HEADER, 'alg': 'none'}).encode())}.{b64(json.dumps(CLAIMS).encode())}."
GOOD = forged()
_head, _claims, _signature = GOOD.split(".")
JWK = {"kty": "oct", "k": b64(b"mine")}


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(UNSIGNED, id="alg-none"),
        pytest.param(UNSIGNED + _signature, id="alg-none-with-a-signature"),
        pytest.param(forged({"alg": "None"}), id="alg-None"),
        pytest.param(forged({"alg": "hs256"}), id="alg-in-lower-case"),
        pytest.param(forged({"alg": GONE}), id="no-alg"),
        pytest.param(forged({"alg": ["HS256"]}), id="alg-is-a-list"),
        pytest.param(
            signed(json.dumps({**HEADER, "alg": "HS512"}).encode(), json.dumps(CLAIMS).encode(), digest="sha512"),
            id="a-stronger-algorithm-than-ours",
        ),
        pytest.param(forged({"alg": "RS256"}), id="alg-RS256-over-our-secret"),
        pytest.param(forged({"alg": "ES256"}), id="alg-ES256"),
        pytest.param(forged({"typ": "JWT"}), id="header-typ-JWT"),
        pytest.param(forged({"typ": GONE}), id="no-header-typ"),
        pytest.param(forged({"kid": GONE}), id="no-kid"),
        pytest.param(forged({"kid": "another"}), id="unknown-kid"),
        pytest.param(forged({"kid": [KID]}), id="kid-is-a-list"),
        pytest.param(forged({"kid": "../../dev/null"}), id="kid-is-a-path"),
        pytest.param(forged({"crit": ["exp"]}), id="crit"),
        pytest.param(forged({"jwk": JWK}), id="embedded-jwk"),
        pytest.param(forged({"jku": "https://example.org/keys"}), id="jku"),
        pytest.param(forged({"x5u": "https://example.org/cert"}), id="x5u"),
        pytest.param(forged({"zip": "DEF"}), id="compressed"),
        pytest.param(forged({"b64": False}), id="unencoded-payload"),
        pytest.param(
            signed(f'{{"alg":"HS256","typ":"at+jwt","kid":"x","kid":"{KID}"}}'.encode(), json.dumps(CLAIMS).encode()),
            id="kid-twice",
        ),
        pytest.param(signed(b"[]", json.dumps(CLAIMS).encode()), id="header-is-a-list"),
        pytest.param(signed(b"not json", json.dumps(CLAIMS).encode()), id="header-is-no-json"),
        pytest.param(signed(json.dumps(HEADER).encode(), b"[]"), id="claims-are-a-list"),
        pytest.param(signed(json.dumps(HEADER).encode(), b"\xff\xfe"), id="claims-are-not-utf-8"),
        pytest.param(
            signed(json.dumps(HEADER).encode(), json.dumps(CLAIMS)[:-1].encode() + b', "sub": "1"}'), id="sub-twice"
        ),
        pytest.param(
            signed(json.dumps(HEADER).encode(), json.dumps(CLAIMS).replace('"7"', "NaN").encode()), id="NaN"
        ),
        pytest.param(
            signed(json.dumps(HEADER).encode(), json.dumps(CLAIMS).encode(), secret="guessed"), id="another-secret"
        ),
        pytest.param(signed(json.dumps(HEADER).encode(), json.dumps(CLAIMS).encode(), secret=""), id="empty-secret"),
        pytest.param(f"{_head}.{_claims}.", id="empty-signature"),
        pytest.param(f"{_head}.{_claims}", id="no-signature"),
        pytest.param(f"{_head}.{_claims}.{_signature[:-1]}", id="signature-cut"),
        pytest.param(f"{_head}.{_claims}.{_signature}=", id="signature-padded"),
        pytest.param(f"{_head}.{_claims}.{_signature}!", id="signature-with-a-foreign-character"),
        pytest.param(f"{_head}.{_claims}.{_signature[:10]}\n{_signature[10:]}", id="signature-with-a-newline"),
        pytest.param(f"{_head}.{_claims}.{_signature} ", id="signature-with-a-space"),
        pytest.param(
            # The last character of 43 carries two bits that decode to nothing.
            f"{_head}.{_claims}.{_signature[:-1]}{chr(ord(_signature[-1]) + 1)}",
            id="signature-in-another-spelling",
        ),
        pytest.param(f"{_head}.{_claims}.{_signature}.{_signature}", id="four-parts"),
        pytest.param(f"{_head}.{b64(json.dumps({**CLAIMS, 'sub': '1'}).encode())}.{_signature}", id="claims-swapped"),
        pytest.param("", id="empty"),
        pytest.param("..", id="two-dots"),
        pytest.param("ä.ö.ü", id="letters-beyond-ascii"),
        pytest.param(forged(jti="0" * 9000), id="over-8-kB"),
        pytest.param(forged(exp=GONE), id="no-exp"),
        pytest.param(forged(iat=GONE), id="no-iat"),
        pytest.param(forged(nbf=GONE), id="no-nbf"),
        pytest.param(forged(iss=GONE), id="no-iss"),
        pytest.param(forged(aud=GONE), id="no-aud"),
        pytest.param(forged(sub=GONE), id="no-sub"),
        pytest.param(forged(jti=GONE), id="no-jti"),
        pytest.param(forged(typ=GONE), id="no-typ"),
        pytest.param(forged(sid=GONE), id="no-sid"),
        pytest.param(forged(role="admin"), id="a-claim-of-no-use"),
        pytest.param(forged(iss="somebody"), id="another-issuer"),
        pytest.param(forged(iss=["archivist"]), id="iss-is-a-list"),
        pytest.param(forged(iss=1), id="iss-is-a-number"),
        pytest.param(forged(aud="archivist-vod"), id="another-audience"),
        pytest.param(forged(aud=["archivist-api", "others"]), id="aud-is-a-list"),
        pytest.param(forged(typ="refresh"), id="a-refresh-token"),
        pytest.param(forged(exp=BEGAN - 60), id="ends-before-it-begins"),
        pytest.param(forged(iat=BEGAN - 900, nbf=BEGAN - 900, exp=BEGAN - 31), id="expired"),
        pytest.param(forged(exp=str(BEGAN + 600)), id="exp-is-text"),
        pytest.param(forged(exp=BEGAN + 600.5), id="exp-is-a-fraction"),
        pytest.param(forged(exp=True), id="exp-is-a-boolean"),
        pytest.param(forged(exp=10**30), id="exp-beyond-time"),
        pytest.param(forged(exp=-1), id="exp-negative"),
        pytest.param(forged(exp=BEGAN + 10 * 86_400), id="good-for-ten-days"),
        pytest.param(forged(nbf=BEGAN + 60), id="not-yet"),
        pytest.param(forged(iat=BEGAN + 60), id="issued-in-the-future"),
        pytest.param(forged(sub=7), id="sub-is-a-number"),
        pytest.param(forged(sub="0"), id="sub-zero"),
        pytest.param(forged(sub="07"), id="sub-with-a-zero-before"),
        pytest.param(forged(sub="7 OR 1=1"), id="sub-is-a-query"),
        pytest.param(forged(sub="٧"), id="sub-in-other-digits"),
        pytest.param(forged(sid=str(SESSION).upper()), id="sid-in-capitals"),
        pytest.param(forged(sid=SESSION.hex), id="sid-without-dashes"),
        pytest.param(forged(sid="x"), id="sid-is-no-uuid"),
        pytest.param(forged(sid=7), id="sid-is-a-number"),
        pytest.param(forged(jti=""), id="empty-jti"),
        pytest.param(forged(jti=7), id="jti-is-a-number"),
    ],
)
def test_a_forged_token_is_refused(token):
    with pytest.raises(InvalidToken):
        tokens.read(KEYS, token, NOW)


def test_a_secret_that_looks_like_a_key_file_or_json_is_still_a_secret():
    for secret in ('{"kty": "oct", "k": "AAAA"}' + "x" * 20, '["list", "of", "many", "words", "and more"]'):
        keys = Keys((secret,))
        assert tokens.read(keys, tokens.issue(keys, 7, SESSION, TEN_MINUTES, NOW), NOW).user_id == 7


def test_no_single_changed_character_of_a_token_is_taken():
    token = tokens.issue(KEYS, 7, uuid4(), TEN_MINUTES, NOW)
    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(InvalidToken):
            tokens.read(KEYS, changed, NOW)


def test_the_name_of_a_key_says_nothing_about_the_key():
    assert hashlib.sha256(SECRET.encode()).hexdigest()[:12] != KID
    assert len(KID) == 12
