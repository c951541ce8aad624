"""Publishing: captions, chapters and metadata to each target, and the copy of Cablecast's shows and VODs."""
