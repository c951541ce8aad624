"""Timed words to cues: rows, line breaks by grammar, reading speed."""
