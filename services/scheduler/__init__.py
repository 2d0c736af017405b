"""Remembers what is due, and says so when it is."""
