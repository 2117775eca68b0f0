"""The ways in: each channel checks who sends, and hands clean text to the one inbox."""
