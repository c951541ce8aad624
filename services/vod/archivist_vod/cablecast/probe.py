"""What a Cablecast server is and can, what our user may do there, and what to set.

`python -m archivist_vod.cablecast.probe` only reads. It ends with 0 where publishing can work and with 1 where it
cannot; `--json` is for programs.
"""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from archivist_common.errors import PublishError, TargetDenied, TargetMissing, TargetUnavailable
from archivist_common.settings import VodSettings, read
from archivist_vod.cablecast import models, reference_data
from archivist_vod.cablecast.api import CablecastApi
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.transport.connection import http
from archivist_vod.cablecast.transport.paging import rows

SIDECARS_SINCE = (7, 1)  # Cablecast reads an .scc beside a video from here on
_SKEW_S = 60.0  # a clock further off than this makes dates and Retry-After hard to believe
_FILES_LOOKED_AT = 2_000
_FILES_AT_ONCE = 500
_WRITING = ("create", "update", "write", "edit", "add", "modify", "manage", "full")


class Verdict(StrEnum):
    GOOD = "good"
    NOTE = "note"  # works, or is not known; somebody should read it
    BAD = "bad"  # publishing cannot work


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A line for `.env`."""

    setting: str
    value: str
    why: str


@dataclass
class Report:
    """What was found, in the order it was looked for."""

    findings: list[Finding] = field(default_factory=list)
    advice: list[Advice] = field(default_factory=list)

    @property
    def can_work(self) -> bool:
        return all(finding.verdict is not Verdict.BAD for finding in self.findings)

    def good(self, what: str, text: str) -> None:
        self.findings.append(Finding(what, Verdict.GOOD, text))

    def note(self, what: str, text: str) -> None:
        self.findings.append(Finding(what, Verdict.NOTE, text))

    def bad(self, what: str, text: str) -> None:
        self.findings.append(Finding(what, Verdict.BAD, text))

    def advise(self, setting: str, value: object, why: str) -> None:
        self.advice.append(Advice(setting, str(value), why))


async def probe(
    settings: VodSettings, catalogue: CablecastApi, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Report:
    """Look at the settings' server. Every failure becomes a finding; nothing is raised for one."""
    report = Report()
    _address(settings, report)
    info = await _server(catalogue, report)
    if info is None:
        return report
    if not await _rights(catalogue, report):
        return report
    checks: Sequence[tuple[str, Callable[[], Awaitable[None]]]] = (
        ("clock", lambda: _clock(catalogue, report, now)),
        ("locations", lambda: _locations(settings, catalogue, report)),
        ("VOD", lambda: _vod(settings, catalogue, report)),
        ("file stores", lambda: _stores(catalogue, report)),
        ("sidecars", lambda: _sidecars(catalogue, report, info.version)),
    )
    for what, check in checks:
        try:
            await check()
        except TargetDenied as exc:
            report.bad(what, f"this user may not look at it ({_status(exc)})")
            if exc.status != 403:  # a 401 is not asked for twice: accounts may lock
                return report
            catalogue.client.host.reset()
        except PublishError as exc:
            report.bad(what, _plainly(exc))
    if catalogue.client.serves_cached:
        _says_reflect(settings, report, "its answers come from a cache")
    return report


def _address(settings: VodSettings, report: Report) -> None:
    url = settings.cablecast_api_url or ""
    report.advise("CABLECAST_API_URL", url, "the address that was looked at")
    if url.startswith("http:"):
        report.note("address", f"{url}: the password is sent in clear; use https where the server has it")
    else:
        report.good("address", url)
    if not settings.cablecast_verify_ssl and url.startswith("https:"):
        report.note("certificate", "not checked: anybody on the way can read the password; set CABLECAST_CA_BUNDLE")
        report.advise("CABLECAST_VERIFY_SSL", "true", "with CABLECAST_CA_BUNDLE for a certificate of your own")
    if (urlsplit(url).hostname or "").startswith("reflect"):
        _says_reflect(settings, report, "this is its name")


def _says_reflect(settings: VodSettings, report: Report, why: str) -> None:
    if any(finding.what == "Reflect" for finding in report.findings):
        return
    report.bad("Reflect", f"this is a Reflect host ({why}): it is read-only and its answers are minutes old")
    parts = urlsplit(settings.cablecast_api_url or "")
    name = (parts.hostname or "").removeprefix("reflect-").removeprefix("reflect.")
    if name != parts.hostname:
        report.advice = [line for line in report.advice if line.setting != "CABLECAST_API_URL"]
        own = urlunsplit(("https", name, parts.path, "", ""))
        report.advise("CABLECAST_API_URL", own, "the station's own server, as its name suggests")


async def _server(catalogue: CablecastApi, report: Report) -> models.SystemInfo | None:
    try:
        info = await catalogue.lookups.system_info()
    except TargetDenied as exc:
        report.bad("credentials", _denied(exc))
        return None
    except TargetMissing:
        report.bad("server", "it answers, but has no Cablecast API at this address (404)")
        return None
    except PublishError as exc:
        report.bad("server", _plainly(exc))
        if "CABLECAST_CA_BUNDLE" in exc.message:
            report.advise(
                "CABLECAST_CA_BUNDLE", "", "a PEM file that holds the certificate of the server, or its issuer's"
            )
        return None
    site = f", site {info.site_name!r}" if info.site_name else ""
    if not info.version:
        report.note("server", f"it does not say its version{site}; is this a Cablecast server?")
        return info
    can = "reads caption files beside videos" if info.version >= SIDECARS_SINCE else "reads no caption files"
    name = info.cablecast_friendly_version.removeprefix("Cablecast").strip() or info.cablecast_version
    report.good("server", f"Cablecast {name}{site}: {can}")
    return info


async def _rights(catalogue: CablecastApi, report: Report) -> bool:
    """Whether the server knows us."""
    try:
        session = await catalogue.lookups.user_session()
    except TargetDenied as exc:
        report.bad("credentials", _denied(exc))
        return False
    except TargetMissing:
        return await _rights_without_session(catalogue, report)
    except PublishError as exc:
        report.bad("credentials", _plainly(exc))
        return False
    name = session.user
    if isinstance(name, dict):
        name = name.get("userName") or name.get("name") or name.get("id")
    if not name:
        report.bad("credentials", "the server took them for nobody's: check user and password")
        return False
    if session.is_admin:
        report.good("credentials", f"{name}: an administrator")
    elif _may_write(session.permissions):
        report.good("credentials", f"{name}: may write")
    elif session.permissions:
        report.bad("credentials", f"{name}: may only read; publishing needs rights to write shows and VODs")
    else:
        report.note("credentials", f"{name}: known; the server does not say what this user may do")
    return True


async def _rights_without_session(catalogue: CablecastApi, report: Report) -> bool:
    """Older servers: ask for a list that only a known user gets."""
    try:
        await catalogue.client.get_page("assetreellinks", "assetReelLinks", page_size=1)
    except TargetDenied as exc:
        report.bad("credentials", _denied(exc))
        return False
    except PublishError as exc:
        report.note("credentials", f"this version cannot be asked who we are ({_status(exc)}); they were not refused")
        return True
    report.note("credentials", "accepted; this version does not say what the user may do")
    return True


def _may_write(permissions: Any) -> bool:
    """Whether {scope: {object: [verb]}} names a right to change anything, however the verbs are spelt."""
    if isinstance(permissions, dict):
        return any(_may_write(value) for value in permissions.values())
    if isinstance(permissions, (list, tuple)):
        return any(_may_write(value) for value in permissions)
    return isinstance(permissions, str) and any(verb in permissions.lower() for verb in _WRITING)


async def _clock(catalogue: CablecastApi, report: Report, now: Callable[[], datetime]) -> None:
    before = now()
    clock = await catalogue.lookups.system_time()
    ours = before + (now() - before) / 2
    zone = clock.iana_time_zone or clock.time_zone or "zone not named"
    if clock.time is None or clock.time.tzinfo is None:
        report.note("clock", f"the server's time cannot be read ({zone})")
        return
    skew = (clock.time - ours).total_seconds()
    side = "ahead of" if skew > 0 else "behind"
    text = f"{clock.time.isoformat(timespec='seconds')} ({zone}), {abs(skew):.0f} s {side} ours"
    (report.good if abs(skew) <= _SKEW_S else report.note)("clock", text)


async def _locations(settings: VodSettings, catalogue: CablecastApi, report: Report) -> None:
    found = await catalogue.lookups.locations()
    ours = settings.cablecast_location_id
    listed = ", ".join(f"{one.id} {one.name!r}" for one in found) or "none"
    match next((one for one in found if one.id == ours), None):
        case None if len(found) == 1:
            report.bad("locations", f"{ours} is none of them: {listed}")
            report.advise("CABLECAST_LOCATION_ID", found[0].id, f"the only location, {found[0].name!r}")
        case None:
            report.bad("locations", f"{ours} is none of them: {listed}; set CABLECAST_LOCATION_ID to yours")
        case one:
            report.good("locations", listed)
            report.advise("CABLECAST_LOCATION_ID", one.id, f"location {one.name!r}")


async def _vod(settings: VodSettings, catalogue: CablecastApi, report: Report) -> None:
    known = await catalogue.lookups.qualities()
    wanted = reference_data.quality(settings, known)
    listed = ", ".join(f"{one.id} {one.name!r}" for one in known) or "none"
    if wanted is None:
        report.bad("qualities", f"VOD_DEFAULT_QUALITY={settings.vod_default_quality} is none of them: {listed}")
        if known:
            report.advise("VOD_DEFAULT_QUALITY", known[0].id, f"{known[0].name!r}, for example")
    else:
        report.good("qualities", f"{listed}; {settings.vod_default_quality} is {wanted.id}")
        report.advise("VOD_DEFAULT_QUALITY", settings.vod_default_quality, f"quality {wanted.id}, {wanted.name!r}")
    configurations = await catalogue.lookups.vod_configurations()
    location = settings.cablecast_location_id
    chosen = reference_data.configuration(location, wanted, configurations)
    if chosen is None:
        elsewhere = ", ".join(f"{one.id} (location {one.location})" for one in configurations) or "none at all"
        report.bad("VOD configurations", f"none for location {location}; there are: {elsewhere}")
    else:
        ours = ", ".join(str(one.id) for one in configurations if one.location == location)
        report.good("VOD configurations", f"{ours} for location {location}; {chosen.id} is used")


async def _stores(catalogue: CablecastApi, report: Report) -> None:
    try:
        stores = await catalogue.lookups.file_stores()
    except TargetMissing:
        report.note("file stores", "this version has none to upload to: captions go through the content share")
        return
    listed = ", ".join(f"{one.id} {one.name!r}" for one in stores)
    if listed:
        report.good("file stores", listed)
    else:
        report.note("file stores", "none: captions go through the content share")


async def _sidecars(catalogue: CablecastApi, report: Report, version: tuple[int, ...]) -> None:
    if version and version < SIDECARS_SINCE:
        report.bad("sidecars", "caption files beside a video are read from version 7.1 on; this server is older")
        return
    seen = await _captioned(catalogue)
    if seen:
        report.good("sidecars", f"in use here: {seen}")
    elif version:
        report.note(
            "sidecars", f"none seen in up to {_FILES_LOOKED_AT} files; this version reads them, but SX servers do not"
        )
    else:
        report.note("sidecars", "not known: the server says no version, and no file with captions was seen")


async def _captioned(catalogue: CablecastApi) -> str:
    """The name of a file that has captions, or is a caption file; empty where none was met."""
    for path, root in (("assets", "assets"), ("digitalfiles", "digitalFiles")):
        looked_at = 0
        try:
            async with aclosing(rows(catalogue.client, path, root, page_size=_FILES_AT_ONCE)) as files:
                async for row in files:
                    name = str(row.get("path") or row.get("fileName") or row["id"])
                    if row.get("hasCaptions") is True or row.get("fileType") == "caption":
                        return name
                    looked_at += 1
                    if looked_at >= _FILES_LOOKED_AT:
                        break
        except TargetMissing:
            continue
    return ""


def _denied(error: TargetDenied) -> str:
    if error.status == 401:
        return "the server does not know this user and password (401)"
    if error.status is not None:
        return f"the server knows this user but does not let it in ({error.status})"
    return "CABLECAST_USER_ID and CABLECAST_PASSWORD are not set, nor CABLECAST_API_KEY as id:secret"


def _plainly(error: PublishError) -> str:
    if isinstance(error, TargetUnavailable) and error.status is None:
        return f"no answer: {error.message}"
    return error.message


def _status(error: PublishError) -> str:
    return f"HTTP {error.status}" if error.status is not None else error.code


def as_text(report: Report) -> str:
    """The report for people: a line for each finding, then lines for `.env`."""
    marks = {Verdict.GOOD: "ok  ", Verdict.NOTE: "note", Verdict.BAD: "BAD "}
    width = max(len(finding.what) for finding in report.findings)
    lines = [f"{marks[finding.verdict]}  {finding.what:<{width}}  {finding.text}" for finding in report.findings]
    lines += ["", "Publishing can work." if report.can_work else "Publishing cannot work yet.", ""]
    lines += [f"{line.setting}={line.value}  # {line.why}" for line in report.advice]
    return "\n".join(lines) + "\n"


def as_json(report: Report) -> str:
    return json.dumps({"can_work": report.can_work, **asdict(report)}, indent=2) + "\n"


async def look(settings: VodSettings) -> Report:
    """`probe` over a connection of its own."""
    report = Report()
    if settings.cablecast_api_url is None:
        report.bad("settings", "CABLECAST_API_URL is not set: the address of the Cablecast server")
    if settings.cablecast_login is None:
        if settings.cablecast_api_key is not None and settings.cablecast_user_id is None:
            report.bad("settings", "CABLECAST_API_KEY is not of the form id:secret; set a user and a password")
        else:
            report.bad("settings", "CABLECAST_USER_ID and CABLECAST_PASSWORD are not both set")
    if not report.can_work:
        report.advise("CABLECAST_API_URL", settings.cablecast_api_url or "", "as https://cablecast.example.org")
        report.advise("CABLECAST_USER_ID", settings.cablecast_user_id or "", "a Frontdoor user that may write")
        report.advise("CABLECAST_PASSWORD", "", "its password")
        return report
    try:
        connection = http(settings)
    except OSError as exc:  # ssl.SSLError is one
        report.bad("certificate", f"CABLECAST_CA_BUNDLE cannot be read: {exc.strerror or type(exc).__name__}")
        return report
    async with connection:
        return await probe(settings, CablecastApi(CablecastClient.of(settings, connection)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m archivist_vod.cablecast.probe", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    logging.disable()  # the report says it all
    # It needs no database; the settings of the process do.
    settings = read(VodSettings, database_url="postgresql://nobody@localhost/none")
    report = asyncio.run(look(settings))
    sys.stdout.write(as_json(report) if given.json else as_text(report))
    return 0 if report.can_work else 1


if __name__ == "__main__":
    sys.exit(main())
