"""How messages are carried, documents written and facts said. Nothing in here knows what a case is."""
