"""Users of the databases of a production system: each service may use its own database and read the council's.

The one rule: a user is named like the database it owns, and lives in `admin`, where addresses look for it by default.
"""

import json
from pathlib import Path
from typing import Any

from pymongo.errors import OperationFailure

from ops.backup.taking import client_of
from ops.connections import Databases
from ops.secrets_kept import password_of
from shared.plumbing.topology import SAYS

COUNCIL, OPERATOR = "council", "operator"
_THERE_ALREADY = 51003

_SCRIPT = """\
// The users of Casework's databases. Run it as an administrator, on a machine that has the files of the passwords:
//   mongosh "mongodb://…/admin" --file users.js
// It holds no password. Run again, it brings rights and passwords up to date.
const folder = %(folder)s;
const users = %(users)s;
const admin = db.getSiblingDB("admin");
for (const { file, user, roles } of users) {
  const pwd = require("fs").readFileSync(`${folder}/${file}`, "utf8").trim();
  if (admin.getUser(user)) admin.updateUser(user, { pwd, roles });
  else admin.createUser({ user, pwd, roles });
}
"""


def users_of(prefix: str) -> dict[str, list[dict[str, str]]]:
    """List the roles of each user, by service and for the operator.

    The operator publishes council data (`casework council publish`), looks (`casework status`) and takes backups; he
    restores none.
    """

    def database(owner: str) -> str:
        return Databases("", prefix).name(owner)

    council = database(COUNCIL)
    found = {
        service: [{"role": "readWrite", "db": database(service)}, {"role": "read", "db": council}] for service in SAYS
    }
    looks = [{"role": "read", "db": database(service)} for service in SAYS]
    return found | {OPERATOR: [{"role": "readWrite", "db": council}, *looks]}


def script(prefix: str, folder: Path) -> str:
    """Write a script for mongosh; it reads the passwords itself when it is run.

    Raises:
        SecretRefused: a password cannot be read or kept.
    """
    users: list[dict[str, Any]] = []
    for name, roles in users_of(prefix).items():
        password_of(folder, name)
        users.append({"file": name, "user": Databases("", prefix).name(name), "roles": roles})
    return _SCRIPT % {"folder": json.dumps(str(folder.resolve())), "users": json.dumps(users, indent=2)}


def apply(databases: Databases, folder: Path) -> list[str]:
    """Create the users, or bring rights and passwords of those that are there up to date; gives their names.

    Args:
        databases: with the address and login of an administrator.
        folder: holds a password a user; what is missing is made.

    Raises:
        SecretRefused: a password cannot be read or kept.
        PyMongoError: the database is away, or the login may not do this.
    """
    passwords = {name: password_of(folder, name) for name in users_of(databases.prefix)}
    with client_of(databases, "users") as client:
        for name, roles in users_of(databases.prefix).items():
            given = {"pwd": passwords[name], "roles": roles}
            try:
                client.admin.command({"createUser": databases.name(name), **given})
            except OperationFailure as error:
                if error.code != _THERE_ALREADY:
                    raise
                client.admin.command({"updateUser": databases.name(name), **given})
    return [databases.name(name) for name in passwords]
