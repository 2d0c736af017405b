"""Reads, explains and rehearses the decisions of routing; changes none.

The one rule: what the table says is asked of `shared.council.table`, as the service does, and never worked out here.
"""
