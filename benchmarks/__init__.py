"""Measurements on real servers. They report, and never fail: nothing here is asserted, and no test runs them."""
