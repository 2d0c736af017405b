"""One factory each for broker and database clients: no other place makes one (a test looks)."""

from faststream.rabbit import Channel, RabbitBroker
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.read_concern import ReadConcern

from shared.plumbing.history import Document
from shared.plumbing.settings import Settings
from shared.plumbing.store import CODECS, Database

HEARTBEAT = 10
RECONNECT_EVERY = 1.0


def make_broker(settings: Settings, service: str) -> RabbitBroker:
    """Connect-less broker client: heartbeat 10 s, confirms, returns raise, graceful stop."""
    url = settings.rabbit_url.get_secret_value()
    separator = "&" if "?" in url else "?"
    return RabbitBroker(
        f"{url}{separator}heartbeat={HEARTBEAT}&name=casework-{service}",
        logger=None,
        app_id=f"casework-{service}",
        graceful_timeout=settings.graceful_seconds,
        reconnect_interval=RECONNECT_EVERY,
        default_channel=Channel(prefetch_count=1, publisher_confirms=True, on_return_raises=True),
        fail_fast=False,
    )


def make_client(settings: Settings, service: str) -> AsyncMongoClient[Document]:
    """Make a database client: primary, majority, journaled, bounded waits."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        settings.mongo_url.get_secret_value(),
        appname=f"casework-{service}",
        tz_aware=True,
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        socketTimeoutMS=20_000,
        maxPoolSize=50,
    )
    return client


def open_database(client: AsyncMongoClient[Document], name: str) -> Database:
    """Open a database with the house's guarantees."""
    return client.get_database(
        name,
        codec_options=CODECS,
        write_concern=WriteConcern("majority", j=True, wtimeout=10_000),
        read_concern=ReadConcern("majority"),
        read_preference=ReadPreference.PRIMARY,
    )
