"""The definitions of a production broker: topology, a user for each service, an operator, a monitor."""

import json
from pathlib import Path
from typing import Any

from ops.secrets_kept import password_of
from ops.stack.management import password_hash
from shared.plumbing.topology import SAYS, definitions

OPERATOR, MONITOR = "operator", "monitor"
_HASHING = "rabbit_password_hashing_sha256"


def broker_definitions(folder: Path) -> dict[str, Any]:
    """Make the definitions, with hashes for passwords.

    Args:
        folder: holds a password a user, in a file of the user's name; what is missing is made.

    Raises:
        SecretRefused: a password cannot be read or kept.
    """
    found = definitions(
        {service: password_of(folder, service) for service in SAYS},
        operator=(OPERATOR, password_of(folder, OPERATOR)),
        monitor=(MONITOR, password_of(folder, MONITOR)),
    )
    users = [
        {
            "name": user["name"],
            "password_hash": password_hash(user["password"]),
            "hashing_algorithm": _HASHING,
            "tags": user["tags"],
        }
        for user in found["users"]
    ]
    return found | {"users": users}


def as_text(found: dict[str, Any]) -> str:
    """Write them as RabbitMQ reads them."""
    return json.dumps(found, indent=2) + "\n"
