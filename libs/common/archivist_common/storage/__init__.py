"""Storage servers and files: mounts that may hang, confined paths, atomic writes."""
