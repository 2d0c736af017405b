"""Puts the notifier together: its queues, its notices, its claim loops, its mail server and who makes its calls.

The only file that knows every other. Nothing happens when it is imported; `create_app` reads the environment.
"""

import socket
import ssl
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from faststream.asgi import AsgiFastStream

from services.notifier.adapters import (
    NOTICES,
    CallCounts,
    DirectoryCallWriter,
    MongoNoticeBook,
    PrometheusCounts,
    SetChannels,
    SmtpPostbox,
    TemplateLetterWriter,
    WebhookDutyCaller,
)
from services.notifier.config import Config
from services.notifier.handlers import handlers
from services.notifier.ports import Call, Channels, Letter
from services.notifier.ticker import Pace, Sender
from shared.council import Directory
from shared.events import NoticeFailed, NoticeInDoubt, NoticeSent
from shared.plumbing.handling import Provider
from shared.plumbing.health import holds
from shared.plumbing.history import technical_now
from shared.plumbing.service import PARTS, Listens, Parts, Runtime, compose_service
from shared.plumbing.topology import NOTIFIER, NOTIFIER_URGENT

_RECOVER_AT_LEAST_EVERY = 30.0
"""Seconds between two looks for notices whose claim has run out; with short claims more often."""
_LINES = 8
"""Calls on their way at once, and claimed at once: the next danger waits for no more than one slow answer."""
_CALLS_A_SECOND = 50.0


def create_app(config: Config | None = None, parts: Parts = PARTS) -> AsgiFastStream:
    """Compose the notifier from its settings."""
    settings = config or Config()
    calls = settings.duty_webhook_url is not None
    counts_of, pace = cache(PrometheusCounts), Pace(settings.mail_rate)

    def ports(runtime: Runtime) -> dict[Any, Provider]:
        channels = SetChannels(runtime.metrics, calls=calls)
        return {Directory: lambda: runtime.council.directory, Channels: lambda: channels}

    async def send_notices(runtime: Runtime) -> None:
        if not calls:
            runtime.log.warning(
                "nobody is called when there is danger, mails alone are sent: set CASEWORK_DUTY_WEBHOOK_URL"
            )
        sender = make_sender(settings, runtime, counts_of(runtime.metrics), make_postboxes(settings), pace)
        runtime.health.add("mail server", holds(lambda: sender.trouble is None, "it does not let us in: see the log"))
        await sender.run()

    async def send_urgent_notices(runtime: Runtime) -> None:
        reserved = make_postboxes(settings, 1)
        await make_sender(settings, runtime, counts_of(runtime.metrics), reserved, pace, urgent_only=True).run()

    async def call_the_duty(runtime: Runtime) -> None:
        await make_caller(settings, runtime, counts_of(runtime.metrics)).run()

    return compose_service(
        settings,
        "notifier",
        listens=[Listens(NOTIFIER, handlers), Listens(NOTIFIER_URGENT, handlers)],
        collections=[NOTICES],
        ports=ports,
        loops=[send_notices, send_urgent_notices, *([call_the_duty] if calls else [])],
        says=[NoticeSent, NoticeFailed, NoticeInDoubt],
        parts=parts,
    )


def make_sender(  # noqa: PLR0913  the parts of the loop
    config: Config,
    runtime: Runtime,
    counts: PrometheusCounts,
    postboxes: Sequence[SmtpPostbox],
    pace: Pace,
    *,
    urgent_only: bool = False,
) -> Sender[Letter]:
    """Make a claim loop of mails: one for all of them, and one that keeps a connection for danger."""

    def unusable(text: str, template: str, reason: str) -> None:
        counts.text_unusable(template)
        runtime.log.warning(
            "a text of the council does not fit, the built-in one is sent", text=text, template=template, reason=reason
        )

    return Sender(
        _book(runtime, config.mail_claim_seconds),
        TemplateLetterWriter(
            lambda: runtime.council.directory,
            config.public_url,
            technical_now,
            sender=config.mail_sender,
            unusable=unusable,
        ),
        postboxes,
        counts,
        runtime.log,
        urgent_only=urgent_only,
        pace=pace,
        batch=1 if urgent_only else config.mail_batch,
        last_mail=config.graceful_seconds,
        recover_every=min(_RECOVER_AT_LEAST_EVERY, config.mail_claim_seconds / 4),
    )


def make_caller(config: Config, runtime: Runtime, counts: PrometheusCounts) -> Sender[Call]:
    """Make the claim loop of calls.

    Raises:
        ValueError: there is nobody to hand calls to.
    """
    if config.duty_webhook_url is None:
        raise ValueError("CASEWORK_DUTY_WEBHOOK_URL: needed to make calls")
    url, trusted = config.duty_webhook_url.get_secret_value(), _trusted(config.duty_webhook_ca_file)
    return Sender(
        _book(runtime, config.call_claim_seconds),
        DirectoryCallWriter(lambda: runtime.council.directory, config.public_url),
        [
            WebhookDutyCaller(
                url, token=config.duty_webhook_token, timeout=config.duty_webhook_timeout, trusted=trusted
            )
            for _ in range(_LINES)
        ],
        CallCounts(counts),
        runtime.log,
        channel="call",
        pace=Pace(_CALLS_A_SECOND),
        batch=_LINES,
        last_mail=config.graceful_seconds,
        recover_every=config.call_claim_seconds / 4,
    )


def _book(runtime: Runtime, claim_seconds: float) -> MongoNoticeBook:
    return MongoNoticeBook(runtime.store, runtime.relay, runtime.clock.now, claim_for=timedelta(seconds=claim_seconds))


def make_postboxes(config: Config, number: int | None = None) -> list[SmtpPostbox]:
    """Make so many connections, or as many as may be used at once; none is opened yet."""
    trusted = _trusted(config.smtp_ca_file)
    return [
        SmtpPostbox(
            config.smtp_host,
            config.smtp_port,
            starttls=config.smtp_starttls,
            user=config.smtp_user,
            password=config.smtp_password,
            timeout=config.smtp_timeout,
            tls_context=trusted,
            local_hostname=socket.gethostname(),
        )
        for _ in range(number or config.mail_connections)
    ]


def _trusted(authority: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority) if authority else None)
