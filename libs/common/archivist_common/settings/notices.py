"""What a deployment's settings ask for and do not get: said once, at the start of a process."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from archivist_common.settings.api import ApiSettings
from archivist_common.settings.common import CommonSettings
from archivist_common.settings.monitor import MonitorSettings
from archivist_common.settings.parsing import redis_database
from archivist_common.settings.placeholders import placeholders
from archivist_common.settings.publishing import VodSettings
from archivist_common.settings.sources import Sources, given_names, names, sources
from archivist_common.settings.transcriber import TranscriberSettings

WITHOUT_EFFECT: Mapping[str, str] = {
    "FLASK_DEBUG": "has no effect: there is no debug mode; LOG_LEVEL=DEBUG logs more",
    "CELERY_BROKER_URL": "has no effect: jobs wait in PostgreSQL (DATABASE_URL); REDIS_URL names the Redis in use",
    "CELERY_RESULT_BACKEND": "has no effect: results are kept in PostgreSQL (DATABASE_URL)",
    "API_RATE_LIMIT": "is not yet in effect: requests are not limited; limit them in the reverse proxy",
    "WEBHOOK_TIMEOUT": "is not yet in effect: no webhooks are sent",
}
"""Names of the technical documentation that no setting reads, and what to use instead."""

_OF_COMPOSE = {"POSTGRES_PASSWORD", "FLEX_ROOT", "MODELS_PATH"}  # read by docker-compose.yml from the same file
_ALIKE = 0.9  # of difflib's ratio: one letter left out, doubled or exchanged


def notices(
    settings: CommonSettings, given: Sources | None = None, written: Collection[str] | None = None
) -> list[str]:
    """Sentences for an operator, each beginning with a variable's name; no value of a secret is in them.

    given: what the settings were read from; where not given, the environment and `.env` of this process.
    written: names in the `.env` file, among which misspelt ones are looked for.
    """
    cls = type(settings)
    if given is None:
        given = sources(cls)
        written = given[-1].keys()
    found = [f"{name} {said}" for name, said in WITHOUT_EFFECT.items() if any(name.lower() in one for one in given)]
    found += _given_twice(cls, given)
    found += _redis(settings)
    if isinstance(settings, VodSettings):
        found += _cablecast(settings)
    if settings.environment != "production":
        found += (f"{fault} (production refuses it)" for fault in placeholders(settings))
    return found + list(_misspelt(written or ()))


def _given_twice(cls: type[CommonSettings], given: Sources) -> Iterator[str]:
    for field in cls.model_fields:
        by_name = given_names(cls, field, given)
        for name, value in by_name[1:]:
            counts, counted = by_name[0]
            if value != counted:
                yield f"{name} has no effect: {counts} is the same setting, is set to another value, and counts"


def _redis(settings: CommonSettings) -> Iterator[str]:
    if settings.redis_db is None or "redis_url" not in settings.model_fields_set:
        return
    named = redis_database(settings.redis_url.get_secret_value())
    if named is not None and named != settings.redis_db:
        yield f"REDIS_DB has no effect: REDIS_URL names database {named}, which counts"


def _cablecast(settings: VodSettings) -> Iterator[str]:
    if settings.cablecast_login is not None:
        return
    if settings.cablecast_api_key is not None:
        yield (
            "CABLECAST_API_KEY is not of the form id:secret, the two parts of a Cablecast token joined by a colon: "
            "nothing is published to Cablecast; correct it, or set CABLECAST_USER_ID and CABLECAST_PASSWORD"
        )
    elif settings.cablecast_user_id is not None:
        yield "CABLECAST_USER_ID has no effect without CABLECAST_PASSWORD: nothing is published to Cablecast"
    elif settings.cablecast_password is not None:
        yield "CABLECAST_PASSWORD has no effect without CABLECAST_USER_ID: nothing is published to Cablecast"


def _misspelt(written: Collection[str]) -> Iterator[str]:
    known = _OF_COMPOSE | WITHOUT_EFFECT.keys()
    for cls in (ApiSettings, TranscriberSettings, VodSettings, MonitorSettings):
        known |= {name for field in cls.model_fields for name in names(cls, field)}
    for name in map(str.upper, written):
        if name not in known and (alike := get_close_matches(name, known, 1, _ALIKE)):
            yield f"{name} has no effect: there is no such setting; is {alike[0]} meant?"
