"""The notifier, with claims short enough for a test: its settings would refuse them, for the sake of slow servers."""

from faststream.asgi import AsgiFastStream

from services.notifier import app
from services.notifier.config import Config

CLAIM_SECONDS = 4.0
"""How long a notice belongs to a notifier that may be dead. In production it must outlast a slow mail server."""


def create_app() -> AsgiFastStream:
    """Compose the notifier as it is, but for how long a claim lasts."""
    return app.create_app(Config().model_copy(update={"mail_claim_seconds": CLAIM_SECONDS}))
