"""What every publishing target promises, and the targets there are."""
