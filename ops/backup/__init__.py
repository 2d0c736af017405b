"""Backups: the databases of a system, all of one instant, in one file that needs nothing but Casework to be read.

The one rule: nothing is written to a database before the whole file has been checked.
"""

from ops.backup.archive import BackupRefused, Manifest, check, manifest_of, opened
from ops.backup.restoring import Compared, Restored, occupied, restore
from ops.backup.taking import create, estimate

__all__ = [
    "BackupRefused",
    "Compared",
    "Manifest",
    "Restored",
    "check",
    "create",
    "estimate",
    "manifest_of",
    "occupied",
    "opened",
    "restore",
]
