"""The whole system in one event loop: five real programs on a real broker and database, with inbox and issuer.

The one rule: nothing here decides what should happen; it starts, asks, listens and counts.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import uvicorn
from aio_pika import connect
from cryptography.fernet import Fernet
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from starlette.types import ASGIApp

from ops import inbox as inboxes
from ops.inbox import Inbox, Mail
from ops.issuer import create_app as create_issuer
from ops.sign_in import Client, Issuer
from ops.sign_in import Person as KnownPerson
from ops.signing import ALGORITHM, Signer
from ops.stack.ports import free_port
from services.gateway.app import create_app as create_gateway
from services.gateway.config import Config as GatewayConfig
from services.intake.app import create_app as create_intake
from services.intake.config import Config as IntakeConfig
from services.notifier.app import create_app as create_notifier
from services.notifier.config import Config as NotifierConfig
from services.routing.app import create_app as create_routing
from services.scheduler.app import create_app as create_scheduler
from services.scheduler.config import Config as SchedulerConfig
from shared.council import Council, Directory, RoutingRule, load_bundle
from shared.plumbing.clock import CLOCK, MovableClock, real_now
from shared.plumbing.council import publish
from shared.plumbing.sealed import SealBox
from shared.plumbing.settings import Settings
from shared.plumbing.topology import declare
from tests.flows.people import Person
from tests.flows.programs import ADDRESS, Logs, Program, until
from tests.flows.tap import Tap, tapped

SERVICES = ("intake", "routing", "scheduler", "notifier", "gateway")
SECOND_GATEWAY = "second-gateway"
"""Another instance of the gateway; started only by who needs it."""
AMBIGUOUS, UNRULED, UNSURE = "parks", "derelict", "not-sure"
"""Services that routing cannot decide: two rules, no rule, and one that people are to decide."""
_AUDIENCE = "casework-api"
_ENDED = ("sent", "failed", "in_doubt")


def council() -> Council:
    """Read the sample council, and leave two gaps in its rule table."""
    sample = load_bundle(Path(__file__).parents[2] / "council")
    rules = [rule for rule in sample.rules if rule.service not in {AMBIGUOUS, UNRULED}]
    rules += [
        RoutingRule(id=f"{AMBIGUOUS}-{team}", service=AMBIGUOUS, team=team)
        for team in ("parks-trees", "street-cleansing")
    ]
    return sample.model_copy(update={"rules": tuple(rules)})


@dataclass(frozen=True)
class Town:
    """What a flow works with."""

    directory: Directory
    programs: dict[str, Program]
    tap: Tap
    inbox: Inbox
    logs: Logs
    signer: Signer
    seal: SealBox
    mongo: AsyncMongoClient[dict[str, Any]]
    prefix: str

    def as_(self, person: str, at: str = "gateway") -> Person:
        """Sign somebody in, at the gateway or at another instance of it."""
        return Person(self.programs[at], self.signer.access_token(person, _AUDIENCE, "flows"))

    def mails(self, reference: str, recipient: str, words: str = "") -> list[Mail]:
        """List the mails about a case to a person or `team:<id>` whose text has these words."""
        found = self.inbox.find(to=self.directory.address_of(recipient), subject=reference)
        return [mail for mail in found if words in " ".join(mail.text.split())]

    async def mail(self, reference: str, recipient: str, words: str) -> Mail:
        """Wait for a mail."""

        async def look() -> Mail | None:
            return next(iter(self.mails(reference, recipient, words)), None)

        return await until(look, f"mail about {reference} to {recipient} with {words!r}")

    async def stop(self) -> None:
        """Stop every program that runs."""
        await asyncio.gather(*(program.stop() for program in self.programs.values()))

    async def move_clock_past(self, due: str) -> None:
        """Move the business clock of everybody past an instant."""
        gateway = self.programs["gateway"].client
        now = datetime.fromisoformat((await gateway.get("/dev/clock")).json()["now"])
        days, seconds = divmod(max(0, int((datetime.fromisoformat(due) - now).total_seconds()) + 1), 86_400)
        for step in (f"{days}d", f"{seconds}s"):
            if not step.startswith("0"):
                assert (await gateway.post("/dev/clock", json={"advance": step})).is_success

    async def today(self) -> date:
        """Give the business date."""
        return date.fromisoformat((await self.programs["gateway"].client.get("/dev/clock")).json()["today"])

    async def documents(self, service: str) -> dict[str, list[dict[str, Any]]]:
        """Read everything a service keeps."""
        database = self.mongo[f"{self.prefix}_{service}"]
        names = await database.list_collection_names()
        return {name: await database[name].find().sort("_id").to_list() for name in sorted(names)}

    async def unfinished(self) -> list[str]:
        """List what is still to come: facts not said, timers not fired, notices without an end, messages not done."""
        now = await MovableClock(self.mongo[f"{self.prefix}_council"]).now()
        unsaid: dict[str, Any] = {"unsaid_since": {"$exists": True}}
        open_ends: dict[tuple[str, str], list[dict[str, Any]]] = {
            ("intake", "cases"): [unsaid],
            ("routing", "decisions"): [unsaid],
            ("scheduler", "diaries"): [unsaid, {"state.next_due": {"$type": "date", "$lte": now}}],
            ("scheduler", "transitions"): [unsaid, {"state.concerns_cases": True, "state.reviewed": False}],
            ("scheduler", "publications"): [unsaid],
            ("notifier", "notices"): [unsaid, {"state.status": {"$nin": _ENDED}}],
            ("gateway", "commands"): [unsaid],
        }
        counts = await asyncio.gather(
            *(
                self.mongo[f"{self.prefix}_{service}"][name].count_documents({"$or": wanted})
                for (service, name), wanted in open_ends.items()
            )
        )
        left = [f"{name} of {service}" for (service, name), count in zip(open_ends, counts, strict=True) if count]
        undone = self.tap.deliveries.copy()
        undone.subtract((line["queue"], line["message_id"]) for line in self.logs.messages)
        return left + [f"{message} on {queue}" for (queue, message), count in undone.items() if count > 0]

    async def settle(self) -> None:
        """Wait until nothing is to come any more; looked at twice, for what was just between two places.

        Raises:
            AssertionError: something is still to come; the message says what.
        """
        left: list[str] = []

        async def look() -> bool:
            left[:] = await self.unfinished()
            return not left

        try:
            await until(look, "the end of everything")
            await until(look, "the end of everything")
        except AssertionError as late:
            raise AssertionError(f"still to come: {left}") from late


@asynccontextmanager
async def a_town(
    vhost_url: str, mongo_url: str, folder: Path, bundle: Council | None = None, begins: datetime | None = None
) -> AsyncIterator[Town]:
    """Run everything; when it has been stopped again, its databases go.

    Args:
        vhost_url: a vhost of the town's own.
        mongo_url: a database server.
        folder: where the issuer keeps its keys.
        bundle: the council; the sample council with two gaps in its rule table if none is given.
        begins: the business time when it starts; the real time if none is given.
    """
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd writes six lines a mail
    prefix, bundle = f"t{uuid.uuid4().hex[:12]}", bundle or council()
    async with AsyncExitStack() as stack:
        mongo = await stack.enter_async_context(AsyncMongoClient[dict[str, Any]](mongo_url, tz_aware=True))
        for owner in ("council", *SERVICES):
            stack.push_async_callback(mongo.drop_database, f"{prefix}_{owner}")
        if begins:
            offset = (begins - real_now()).total_seconds()
            await mongo[f"{prefix}_council"][CLOCK].insert_one({"_id": CLOCK, "offset_seconds": offset})
        await publish(mongo[f"{prefix}_council"], bundle, author="test", reason="test")
        async with await connect(vhost_url) as connection:
            await declare(await connection.channel())
        tap = await stack.enter_async_context(tapped(vhost_url))
        inbox = Inbox()
        mail_server = await stack.enter_async_context(await inboxes.listen(inbox, inboxes.Settings(smtp_port=0)))
        signer = await stack.enter_async_context(_issuer(bundle, folder))
        logs, seal = Logs(), Fernet.generate_key().decode()
        shared = {
            "profile": "development",
            "rabbit_url": vhost_url,
            "mongo_url": mongo_url,
            "mongo_prefix": prefix,
            "council_code": bundle.code,
            "graceful_seconds": 5,
        }
        smtp_port = mail_server.sockets[0].getsockname()[1]
        programs = _programs(logs, shared, seal, smtp_port, signer.issuer)
        for program in programs.values():
            stack.push_async_callback(program.stop)
        async with asyncio.TaskGroup() as starting:
            for name in SERVICES:
                starting.create_task(programs[name].start())
        yield Town(
            directory=Directory(bundle),
            programs=programs,
            tap=tap,
            inbox=inbox,
            logs=logs,
            signer=signer,
            seal=SealBox([SecretStr(seal)]),
            mongo=mongo,
            prefix=prefix,
        )


def _programs(logs: Logs, shared: dict[str, Any], seal: str, smtp_port: int, issuer: str) -> dict[str, Program]:
    mail = {"public_url": ADDRESS, "smtp_host": "127.0.0.1", "smtp_port": smtp_port, "smtp_starttls": "never"}
    door = {"gateway_issuer": issuer, "gateway_audience": _AUDIENCE, "gateway_token_algorithm": ALGORITHM}
    vault = Fernet.generate_key().decode()
    intake = IntakeConfig.model_validate(shared | {"seal_keys": seal, "vault_keys": vault})
    routing = Settings.model_validate(shared)
    scheduler = SchedulerConfig.model_validate(shared)
    notifier = NotifierConfig.model_validate(shared | mail | {"mail_rate": 1000})
    gateway = GatewayConfig.model_validate(shared | door | {"seal_keys": seal})
    creators: dict[str, Callable[[], ASGIApp]] = {
        "intake": lambda: create_intake(intake),
        "routing": lambda: create_routing(routing),
        "scheduler": lambda: create_scheduler(scheduler),
        "notifier": lambda: create_notifier(notifier),
        "gateway": lambda: create_gateway(gateway),
        SECOND_GATEWAY: lambda: create_gateway(gateway),
    }
    return {name: Program(name, create, logs) for name, create in creators.items()}


@asynccontextmanager
async def _issuer(people: Council, folder: Path) -> AsyncIterator[Signer]:
    """Run the development issuer on a port of this machine: the gateway fetches its keys there."""
    port = free_port()
    signer = Signer.from_folder(folder, f"http://127.0.0.1:{port}")
    client = Client("casework-gateway", (f"{ADDRESS}/sign-in/callback",), _AUDIENCE)
    known = [KnownPerson(id=each.id, name=each.full_name) for each in people.councillors]
    server = uvicorn.Server(
        uvicorn.Config(create_issuer(Issuer(client, known, signer)), port=port, log_config=None, access_log=False)
    )
    running = asyncio.create_task(server.serve())

    async def is_up() -> bool:
        return server.started

    await until(is_up, "the issuer is up")
    yield signer
    server.should_exit = True
    await running
