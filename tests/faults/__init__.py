"""Faults on real servers. A package, so that the one city they all happen to ends with the last of them."""
