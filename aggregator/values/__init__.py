"""Small facts that several stages share, each in one place."""
