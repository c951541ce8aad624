"""What the routes answer with: rows, estimates, progress and files, put together for a caller."""
