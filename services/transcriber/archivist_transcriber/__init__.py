"""Speech to captions on this machine's own cores. The only service that carries the speech libraries."""
