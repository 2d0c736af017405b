"""Start, watch and look into a running system: the operator's side of Casework."""
