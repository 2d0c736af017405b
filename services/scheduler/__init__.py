"""Remembers what is due, finds what changes in the council, and says so."""
