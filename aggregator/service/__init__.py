"""What keeps the program running: the daemon, the lock, and what operators are notified of."""
