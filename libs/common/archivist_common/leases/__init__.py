"""Leases on work: fencing tokens, expiry, and the retry policy."""
