"""Words of titles, a table per language. Pure."""
