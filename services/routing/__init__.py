"""Decides which team answers for a case, and says why."""
