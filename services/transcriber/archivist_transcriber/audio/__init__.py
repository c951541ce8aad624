"""Recordings as sound: decoded in a sandbox, searched for voice activity."""
