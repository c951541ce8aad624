"""What two or more services share. Knows no service."""

from importlib.metadata import version

__version__ = version("archivist")
