"""How the gateway's needs are met: intake over the broker, sessions and undecided commands in its own database."""
