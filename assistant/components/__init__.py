"""Components of Rasa's pipeline, one class a file. Run inside Rasa."""
