"""Rules of chapter detection, a module per language."""
