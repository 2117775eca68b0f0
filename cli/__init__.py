"""Haven's command line: one command a file."""
