"""The calls of the API: what each checks, does and answers. `ENDPOINTS` has them all."""

from tests.simulators.cablecast.call import ENDPOINTS
from tests.simulators.cablecast.endpoints import chapters, files, lists, reels, schedule, shows, site, vods

__all__ = ["ENDPOINTS", "chapters", "files", "lists", "reels", "schedule", "shows", "site", "vods"]
