"""A certificate for 127.0.0.1 that nobody but itself has signed, made anew for each run.

Written out because no library of the project makes one: an ECDSA key on P-256, the DER of RFC 5280, PEM. Good for a
test on loopback and for nothing else: the arithmetic takes no care of its timing.
"""

import base64
import hashlib
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

# The curve P-256 of FIPS 186-4: y² = x³ - 3x + b over the integers modulo _P; the base point has the order _N.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_EC_KEY, _CURVE = "1.2.840.10045.2.1", "1.2.840.10045.3.1.7"
_ECDSA_SHA256, _COMMON_NAME, _ALT_NAME, _CONSTRAINTS = "1.2.840.10045.4.3.2", "2.5.4.3", "2.5.29.17", "2.5.29.19"

Point = tuple[int, int]


def context(bundle: Path) -> ssl.SSLContext:
    """A server's context with a new certificate, which is written to `bundle` for those who want to trust it."""
    key = secrets.randbelow(_N - 1) + 1
    bundle.write_text(_pem("CERTIFICATE", _certificate(key)))
    with_key = bundle.with_suffix(".key.pem")
    with_key.touch(mode=0o600)
    with_key.write_text(_pem("EC PRIVATE KEY", _private_key(key)) + bundle.read_text())
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(with_key)
    with_key.unlink()
    return made


def _certificate(key: int) -> bytes:
    now = datetime.now(UTC)
    dates = [(now + timedelta(days=days)).strftime("%y%m%d%H%M%SZ").encode() for days in (-1, 30)]
    name = _seq(_der(0x31, _seq(_oid(_COMMON_NAME), _der(0x0C, b"Cablecast simulator"))))
    algorithm = _seq(_oid(_ECDSA_SHA256))
    names = _seq(_der(0x87, bytes((127, 0, 0, 1))), _der(0x82, b"localhost"))
    extensions = _seq(
        _seq(_oid(_CONSTRAINTS), _der(0x01, b"\xff"), _der(0x04, _seq(_der(0x01, b"\xff")))),
        _seq(_oid(_ALT_NAME), _der(0x04, names)),
    )
    body = _seq(
        _der(0xA0, _int(2)),
        _int(secrets.randbits(63)),
        algorithm,
        name,
        _seq(*(_der(0x17, date) for date in dates)),
        name,
        _seq(_seq(_oid(_EC_KEY), _oid(_CURVE)), _der(0x03, b"\0" + _public(key))),
        _der(0xA3, extensions),
    )
    return _seq(body, algorithm, _der(0x03, b"\0" + _signature(key, body)))


def _private_key(key: int) -> bytes:
    return _seq(
        _int(1),
        _der(0x04, key.to_bytes(32, "big")),
        _der(0xA0, _oid(_CURVE)),
        _der(0xA1, _der(0x03, b"\0" + _public(key))),
    )


def _signature(key: int, body: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(body).digest(), "big")
    while True:
        once = secrets.randbelow(_N - 1) + 1
        r = _times(once)[0] % _N
        s = pow(once, -1, _N) * (digest + r * key) % _N
        if r and s:
            return _seq(_int(r), _int(s))


def _public(key: int) -> bytes:
    x, y = _times(key)
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def _times(factor: int) -> Point:
    """The base point added to itself so many times."""
    total: Point | None = None
    power: Point | None = _G
    while factor:
        if factor & 1:
            total = _sum(total, power)
        power = _sum(power, power)
        factor >>= 1
    assert total is not None
    return total


def _sum(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P) if one == other else (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes((size,)) if size < 128 else size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag,)) + (length if size < 128 else bytes((0x80 | len(length),)) + length) + content


def _seq(*items: bytes) -> bytes:
    return _der(0x30, b"".join(items))


def _int(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray((first * 40 + second,))
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        out += bytes(reversed(groups))
    return _der(0x06, bytes(out))


def _pem(kind: str, data: bytes) -> str:
    text = base64.encodebytes(data).decode().replace("\n", "")
    rows = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{rows}\n-----END {kind}-----\n"
