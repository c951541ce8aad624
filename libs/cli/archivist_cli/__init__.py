"""The `archivist` command: one module per sub-command. Starts services as processes and speaks HTTP to them."""
