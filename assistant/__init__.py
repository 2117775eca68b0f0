"""The assistant: what Rasa needs from us to read a message and choose an answer. Runs inside Rasa only."""
