"""Sandboxed FFmpeg (PyAV) decoder process."""
