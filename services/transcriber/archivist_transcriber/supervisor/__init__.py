"""The supervisor: slots pinned to cores, claims, leases and the jobs in progress."""
