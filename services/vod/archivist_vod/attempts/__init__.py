"""One attempt at a publication: its stages, its state, its lease, the ledger of its effects."""
