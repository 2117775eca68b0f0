"""Policies of Rasa's dialogue management, one class a file. Run inside Rasa."""
