"""The fault harness: real traffic against the real stack while its parts are killed, frozen and starved."""
