"""`make demo-publish`: a recording, captioned and published to a Cablecast of our own, and the page a viewer sees."""
