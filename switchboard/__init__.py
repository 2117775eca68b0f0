"""The switchboard: the one process that visitors, carriers and staff reach, and the owner of the record."""
