"""Benchmarks: what this machine does, beside a peer, in one run. Never part of a service image."""
