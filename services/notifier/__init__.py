"""Tells everyone concerned by e-mail what happened to a case, once."""
