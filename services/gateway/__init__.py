"""The HTTP door: it knows who is asking, hands the order to intake and says what became of it."""
