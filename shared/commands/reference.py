"""Ids that need no store: case id and reference follow from who asked and the idempotency key.

A reference is `CW-XXXXX-XXXXX`: ten Crockford base32 characters in two groups. The first nine are the top 45 bits of
SHA-256 over (council, principal, key); the tenth is a check character, the weighted sum of the nine values with weights
1..9, modulo 31, written in the same alphabet (so the last symbol, `Z`, never occurs as check). Modulus 31 is prime and
all weights and all differences of weights are below it: every single wrong character whose value is not the right one
modulo 31, and every swap of two unequal characters, is found. The one pair that looks equal modulo 31 is `0` and `Z`.
Reading follows Crockford: case does not matter, `I` and `L` are `1`, `O` is `0`, hyphens and blanks are ignored.
"""

import hashlib
from uuid import UUID, uuid5

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "CW"
_NAMESPACE = UUID("6f0f1a0e-5d0b-5c5e-9f5e-2f6f3a0c7d11")
_READ = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})
_DATA = 9
_CHECK_MODULUS = 31


class NotAReference(ValueError):
    """The text is no case reference; the message says why and what one looks like."""


def _check(values: list[int]) -> int:
    return sum(weight * value for weight, value in enumerate(values, 1)) % _CHECK_MODULUS


def reference_for(council: str, principal: str, key: str) -> str:
    """Derive the reference of the case that this principal raises with this idempotency key."""
    digest = hashlib.sha256(f"raise\x1f{council}\x1f{principal}\x1f{key}".encode()).digest()
    number = int.from_bytes(digest[:6]) >> 3
    values = [(number >> 5 * place) & 31 for place in reversed(range(_DATA))]
    text = "".join(ALPHABET[value] for value in [*values, _check(values)])
    return f"{PREFIX}-{text[:5]}-{text[5:]}"


def parse_reference(text: str) -> str:
    """Read a reference as people type it and give back its one written form.

    Raises:
        NotAReference: wrong length, a character that is not in the alphabet, or a check character that does not fit.
    """
    read = text.strip().upper().translate(_READ)
    if len(read) == len(PREFIX) + _DATA + 1:
        read = read.removeprefix(PREFIX)
    if len(read) != _DATA + 1 or any(character not in ALPHABET for character in read):
        raise NotAReference("a reference looks like CW-DP0MP-TF3CM: CW and ten letters or digits")
    values = [ALPHABET.index(character) for character in read]
    if _check(values[:_DATA]) != values[_DATA]:
        raise NotAReference(
            "the check character does not fit: compare the reference with the e-mail, a character is wrong"
        )
    return f"{PREFIX}-{read[:5]}-{read[5:]}"


def case_id_for(reference: str) -> str:
    """Derive the case id (CloudEvents `subject`) from the written form of the reference."""
    return str(uuid5(_NAMESPACE, reference))


def command_id_for(council: str, principal: str, key: str) -> str:
    """Derive the id of the command that this principal gives with this idempotency key."""
    return str(uuid5(_NAMESPACE, f"command\x1f{council}\x1f{principal}\x1f{key}"))
