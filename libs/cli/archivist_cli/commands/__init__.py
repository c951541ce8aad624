"""One file per sub-command of `archivist`."""
