"""Text messages: numbers, words, deliveries, and the way to the carrier. Part of the switchboard."""
