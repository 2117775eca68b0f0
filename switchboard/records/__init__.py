"""The record of every conversation: tables, migrations, and the way to read and write them."""
