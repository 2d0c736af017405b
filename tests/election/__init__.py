"""May 2026: a town of its own, because its clock and its council are another's."""
