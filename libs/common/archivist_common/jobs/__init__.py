"""A transcription job, from submission to its files."""
