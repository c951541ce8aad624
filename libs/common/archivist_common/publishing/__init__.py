"""A publication, from request to a verified VOD."""
