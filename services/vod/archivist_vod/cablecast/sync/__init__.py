"""Sync of Cablecast's shows and VODs into our tables."""
