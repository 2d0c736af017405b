"""The sealed field: what a command, query or reply carries of personal data travels in one encrypted field.

The seal repeats the message's id and type and a digest of its public part, so a message cannot be altered, replayed
under another id, or made by anybody without the key. First key seals, all open; old keys stay as long as dead letters.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel, SecretStr, ValidationError

from shared.commands import Asked

M = TypeVar("M", bound=BaseModel)
A = TypeVar("A", bound=Asked)
FIELD = "sealed"
REPLY = "casework.reply.v1"


class Malformed(ValueError):
    """The message is not what its type says. Only places and rules are named, never what was sent."""


class Forged(ValueError):
    """The seal is missing, was made with another key, or belongs to another message."""


def places(error: ValidationError) -> str:
    """Say where a message is wrong and which rule it breaks, without quoting it (an error's text quotes its input)."""
    found = (
        f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['type']}" for item in error.errors(include_input=False)
    )
    return "; ".join(list(found)[:5])


def _digest(public: dict[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(public, option=orjson.OPT_SORT_KEYS)).hexdigest()


class SealBox:
    """Seals and opens messages with the keys of the settings."""

    def __init__(self, keys: Sequence[SecretStr]) -> None:
        if not keys:
            raise ValueError("CASEWORK_SEAL_KEYS: give at least one key (casework keys new makes one)")
        self._fernet = MultiFernet([Fernet(key.get_secret_value()) for key in keys])

    def seal_message(self, message: Asked, message_id: str) -> bytes:
        """Write a command or query for the wire."""
        public = message.model_dump(mode="json")
        hidden = {name: public.pop(name) for name in message.confidential}
        inner = {"id": message_id, "type": message.type, "digest": _digest(public), "fields": hidden}
        return orjson.dumps(public | {FIELD: self._fernet.encrypt(orjson.dumps(inner)).decode()})

    def open_message(self, kind: type[A], body: bytes, message_id: str) -> A:
        """Read a command or query from the wire.

        Raises:
            Malformed: no JSON object, or a field that breaks its rule.
            Forged: the seal does not belong to this message.
        """
        try:
            public = orjson.loads(body)
            token = public.pop(FIELD)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise Malformed(f"not a JSON object with the field {FIELD}") from error
        inner = self._open(token)
        if (inner.get("id"), inner.get("type"), inner.get("digest")) != (message_id, kind.type, _digest(public)):
            raise Forged("the seal belongs to another message")
        try:
            message: A = kind.model_validate(public | inner["fields"])
        except ValidationError as error:
            raise Malformed(places(error)) from None
        return message

    def seal_reply(self, reply: BaseModel, correlation: str) -> bytes:
        """Write a reply: nothing of it stands in clear."""
        inner = {"id": correlation, "type": REPLY, "reply": reply.model_dump(mode="json")}
        return orjson.dumps({FIELD: self._fernet.encrypt(orjson.dumps(inner)).decode()})

    def open_reply(self, kind: type[M], body: bytes, correlation: str) -> M:
        """Read a reply to the message with this id.

        Raises:
            Forged: the seal does not belong to this reply.
        """
        try:
            inner = self._open(orjson.loads(body)[FIELD])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise Forged("not a sealed reply") from error
        if (inner.get("id"), inner.get("type")) != (correlation, REPLY):
            raise Forged("the reply belongs to another message")
        reply: M = kind.model_validate(inner["reply"])
        return reply

    def _open(self, token: object) -> dict[str, Any]:
        try:
            inner = orjson.loads(self._fernet.decrypt(str(token)))
        except (InvalidToken, orjson.JSONDecodeError) as error:
            raise Forged("the seal cannot be opened with the keys of this installation") from error
        if not isinstance(inner, dict):
            raise Forged("the seal holds no object")
        return inner
