"""A job's files: where they go, put in place, cleaned up, verified again."""
