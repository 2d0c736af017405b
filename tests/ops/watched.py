"""What `casework status` looks at: databases written as their services write them, and a service's own pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn

from ops.stack.ports import LOOPBACK, free_port
from shared.council import load_bundle
from shared.plumbing.clock import MovableClock, real_now
from shared.plumbing.health import Health, routes
from shared.plumbing.metrics import Metrics
from shared.plumbing.store import Collection, Store
from shared.plumbing.versions import publish

ROOT = Path(__file__).parents[2]
OLD = timedelta(seconds=31)


class Quiet:
    """A relay that says nothing: what is written stays unsaid."""

    def say(self, says: object) -> None:
        """Forget it."""


class Database:
    """The databases of a system, written as its services write them."""

    def __init__(self, prefix: str, client: Any) -> None:
        self.prefix, self.client = prefix, client

    async def store(self, service: str, *collections: Collection) -> Store:
        store = Store(self.client[f"{self.prefix}_{service}"], collections)
        await store.prepare()
        return store

    @property
    def clock(self) -> MovableClock:
        return MovableClock(self.client[f"{self.prefix}_council"])

    async def publish(self, version: str, **more: Any) -> int:
        council = load_bundle(ROOT / "council").model_copy(update={"version": version})
        return await publish(self.client[f"{self.prefix}_council"], council, author="test", reason="test", **more)

    async def grow_older(self, version: int, by: timedelta) -> None:
        """Turn back when a version was published and came into force."""
        moment = (await self.clock.now() - by).replace(microsecond=0)
        versions = self.client[f"{self.prefix}_council"]["versions"]
        await versions.update_one({"_id": version}, {"$set": {"activates": moment, "published": moment}})

    async def grow_old(self, store: Store, name: str, entry: int = 0) -> None:
        """Turn back when a fact was recorded; fails if it is not recorded where status looks."""
        field = f"history.{entry}.recorded"
        changed = await store.durable[name].update_many(
            {field: {"$type": "date"}, "unsaid_since": {"$exists": True}}, {"$set": {field: real_now() - OLD}}
        )
        assert changed.modified_count == 1


@asynccontextmanager
async def a_service(health: Health, metrics: Metrics) -> AsyncIterator[str]:
    """Serve a service's own pages."""
    pages = dict(routes(health, metrics))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await pages[scope["path"]](scope, receive, send)

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield f"http://{LOOPBACK}:{port}"
    server.should_exit = True
    await serving
