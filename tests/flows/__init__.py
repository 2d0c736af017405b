"""Stories across services. A package, so that the one system they all play on ends with the last of them."""
