"""Talking to a Cablecast server: its client, what it says, and how files get onto it.

What this package knows of Cablecast's words (`show`, `reel`, `vod`) stays in it; the publisher that uses it
begins where ours do. Source of every rule: the contract drawn up from the vendor's public documentation.
"""
