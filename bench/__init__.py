"""Measurements of the running system: `make bench`. Never a test: a figure belongs to the machine it was taken on."""
