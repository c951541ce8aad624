"""Everything that leaves the building.

Today the process stands, says how it is, and mends with the others what a crash left. Publishing to VOD
targets, matching recordings to shows and the delivery of webhooks will live here.
"""
