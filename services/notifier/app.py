"""Puts the notifier together: its queues, its notices, its claim loop and its mail server.

The only file that knows every other. Nothing happens when it is imported; `create_app` reads the environment.
"""

import socket
import ssl
from datetime import timedelta

from faststream.asgi import AsgiFastStream

from services.notifier.adapters import NOTICES, MongoNoticeBook, PrometheusCounts, SmtpPostbox, TemplateLetterWriter
from services.notifier.config import Config
from services.notifier.handlers import handlers
from services.notifier.ticker import Sender
from shared.council import Directory
from shared.events import NoticeFailed, NoticeInDoubt, NoticeSent
from shared.plumbing.health import holds
from shared.plumbing.history import technical_now
from shared.plumbing.service import PARTS, Listens, Parts, Runtime, compose_service
from shared.plumbing.topology import NOTIFIER, NOTIFIER_URGENT

_RECOVER_AT_LEAST_EVERY = 30.0
"""Seconds between two looks for notices whose claim has run out; with short claims more often."""


def create_app(config: Config | None = None, parts: Parts = PARTS) -> AsgiFastStream:
    """Compose the notifier from its settings."""
    settings = config or Config()

    async def send_notices(runtime: Runtime) -> None:
        await make_sender(settings, runtime).run()

    return compose_service(
        settings,
        "notifier",
        listens=[Listens(NOTIFIER, handlers), Listens(NOTIFIER_URGENT, handlers)],
        collections=[NOTICES],
        ports=lambda runtime: {Directory: lambda: runtime.council.directory},
        loops=[send_notices],
        says=[NoticeSent, NoticeFailed, NoticeInDoubt],
        parts=parts,
    )


def make_sender(config: Config, runtime: Runtime) -> Sender:
    """Make the claim loop; a mail server that does not let us in makes the service not ready."""
    sender = Sender(
        MongoNoticeBook(
            runtime.store, runtime.relay, runtime.clock.now, claim_for=timedelta(seconds=config.mail_claim_seconds)
        ),
        TemplateLetterWriter(
            lambda: runtime.council.directory, config.public_url, technical_now, sender=config.mail_sender
        ),
        make_postboxes(config),
        PrometheusCounts(runtime.metrics),
        runtime.log,
        rate=config.mail_rate,
        batch=config.mail_batch,
        last_mail=config.graceful_seconds,
        recover_every=min(_RECOVER_AT_LEAST_EVERY, config.mail_claim_seconds / 4),
    )
    runtime.health.add("mail server", holds(lambda: sender.trouble is None, "it does not let us in: see the log"))
    return sender


def make_postboxes(config: Config) -> list[SmtpPostbox]:
    """Make as many connections as may be used at once; none is opened yet."""
    trusted = ssl.create_default_context(cafile=str(config.smtp_ca_file) if config.smtp_ca_file else None)
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
        for _ in range(config.mail_connections)
    ]
