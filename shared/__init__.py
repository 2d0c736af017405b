"""The published language, the council model, the calendar and the plumbing. Nothing in here decides about a case."""
