"""Decides what happens to a case, keeps its history, and is the only program that says `case.*`."""
