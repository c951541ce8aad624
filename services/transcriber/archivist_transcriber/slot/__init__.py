"""Inside a slot's process: split a recording, transcribe a chunk, write a job's files."""
