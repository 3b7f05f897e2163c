"""From sources that are due to stored entries: `run` (many at once), `ingest` (one document), and what they decide."""
