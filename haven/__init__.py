"""What Haven knows about its subject, in plain Python; used by every process."""
