"""The pooled connection to the settings' server: who we are, whom we believe, how long we wait."""

import asyncio
import logging
import ssl
from base64 import b64encode
from collections.abc import Generator
from pathlib import Path

import certifi
import httpx

from archivist_common import __version__
from archivist_common.settings import VodSettings

log = logging.getLogger(__name__)

CONNECTIONS = 4  # servers are small, and some take no more than eight in all
_CONNECT_S = 10.0
_LIMITS = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=30)


class Login(httpx.Auth):
    """HTTP Basic, for one server only: a link that leads elsewhere takes nothing with it."""

    def __init__(self, user: str, secret: str, base: httpx.URL) -> None:
        token = b64encode(f"{user}:{secret}".encode()).decode()
        self._header = f"Basic {token}"
        self._origin = origin(base)
        self.secrets = (secret, token)

    def __repr__(self) -> str:
        return "Login(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if origin(request.url) == self._origin:
            request.headers["Authorization"] = self._header
        yield request


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host, port


def http(
    settings: VodSettings,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    trust_env: bool = False,
    tls: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """The pooled client for the settings' server. The caller closes it.

    Proxies of the environment are used only with `trust_env`. tls: a context already made; None: one is made of the
    settings, which takes a tenth of a second. Raises ValueError where CABLECAST_API_URL is not set,
    OSError or ssl.SSLError for a CA bundle that cannot be read.
    """
    if settings.cablecast_api_url is None:
        raise ValueError("CABLECAST_API_URL is not set")
    base = httpx.URL(settings.cablecast_api_url + "/")
    login = settings.cablecast_login
    longest = settings.request_timeout.total_seconds()
    return httpx.AsyncClient(
        base_url=base,
        auth=None if login is None else Login(login[0], login[1].get_secret_value(), base),
        verify=tls or (_context(settings) if transport is None else True),
        timeout=httpx.Timeout(longest, connect=min(_CONNECT_S, longest)),
        limits=_LIMITS,
        headers={"User-Agent": f"archivist/{__version__}", "Accept": "application/json"},
        follow_redirects=False,
        trust_env=trust_env,
        transport=transport,
    )


class LateBundle(httpx.AsyncBaseTransport):
    """Connections by a CA bundle that may not be there yet, such as on a share that is mounted later.

    It is read at the first request; while it cannot be, requests fail as those to an unavailable server do.
    """

    def __init__(self, settings: VodSettings) -> None:
        self._settings = settings
        self._connections: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._connections is None:
            try:
                believed = await asyncio.to_thread(_context, self._settings)
            except OSError as exc:  # ssl.SSLError is one
                bundle = self._settings.cablecast_ca_bundle
                raise httpx.ConnectError(f"CABLECAST_CA_BUNDLE {bundle} cannot be read: {exc.strerror}") from exc
            self._connections = self._connections or httpx.AsyncHTTPTransport(verify=believed, limits=_LIMITS)
        return await self._connections.handle_async_request(request)

    async def aclose(self) -> None:
        if self._connections is not None:
            await self._connections.aclose()


def _context(settings: VodSettings) -> ssl.SSLContext:
    return context(verify=settings.cablecast_verify_ssl, bundle=settings.cablecast_ca_bundle)


def context(*, verify: bool, bundle: Path | None) -> ssl.SSLContext:
    """A context for outgoing TLS. The bundle is believed beside the public certificates, not in their place.

    Raises OSError for a bundle that is not there, ssl.SSLError for one that holds no certificate.
    """
    made = ssl.create_default_context(cafile=certifi.where())
    made.load_default_certs()
    if bundle is not None:
        made.load_verify_locations(cafile=bundle)
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        log.warning("TLS certificates are not verified", extra={"setting": "CABLECAST_VERIFY_SSL=false"})
    return made
