"""What keeps the program running: the daemon, its jobs and signals, and what it tells operators."""
