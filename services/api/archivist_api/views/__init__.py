"""What the routes respond with, put together from rows, estimates, progress and files."""
