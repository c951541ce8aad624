"""Tests mirror the rooms. A package, so that nobody else's `tests` is taken for it."""
