"""Chapters of a meeting, detected in its words or edited by a person."""
