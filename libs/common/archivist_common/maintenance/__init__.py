"""What keeps the system right: the reconciler and the invariants."""
