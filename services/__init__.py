"""Five independently deployed programs. None of them imports another."""
