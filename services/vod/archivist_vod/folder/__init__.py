"""A folder that any web server serves: what lies in it, and how it is written."""
