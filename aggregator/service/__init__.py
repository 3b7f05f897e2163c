"""What keeps the program running: the daemon, and what operators are notified of."""
