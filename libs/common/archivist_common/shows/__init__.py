"""Cablecast shows: our copy of them, and which show a recording is."""
