"""Files that hold secrets: one password a file, made where it is missing, readable by its owner only.

The one rule: a secret goes from file to file or to a server; none is printed, logged or taken from a command line.
"""

import os
import secrets
from pathlib import Path


class SecretRefused(RuntimeError):
    """A file that should hold a password does not, or cannot be written; one sentence that names it."""


def password_of(folder: Path, name: str) -> str:
    """Read a password from `folder/name`; where there is none make one of 256 random bits and keep it there.

    What is made needs no quoting in an address.

    Raises:
        SecretRefused: the file is empty, of several lines, or cannot be read or written.
    """
    file = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            found = file.read_text(encoding="utf-8").strip()
        else:
            found = secrets.token_urlsafe(32)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(f"{found}\n")
    except OSError as error:
        raise SecretRefused(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SecretRefused(f"{file}: a password is one line of text") from None
    if len(found.splitlines()) != 1:
        raise SecretRefused(f"{file}: a password is one line of text; delete the file to have one made")
    return found


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all; one that is there is replaced.

    Raises:
        SecretRefused: it cannot be written.
    """
    unfinished = file.with_name(f"{file.name}.partial")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(
            os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as stream:
            stream.write(text)
        unfinished.replace(file)
    except OSError as error:
        raise SecretRefused(f"{file}: {error.strerror}") from error
