"""What a caption file is worth: the report as data, as JSON Schema and as a page."""
