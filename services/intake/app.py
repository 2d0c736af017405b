"""Puts intake together: its queues, its case file and the desk that answers from it.

The only file that knows every other. Nothing happens when it is imported; `create_app` reads the environment.
"""

from faststream.asgi import AsgiFastStream

from services.intake.adapters import COLLECTIONS, CaseDesk, MongoCaseFile
from services.intake.config import Config
from services.intake.handlers import commands, events
from shared.council import Directory
from shared.events import CATALOGUE, CaseEvent
from shared.plumbing.service import PARTS, Listens, Parts, Runtime, compose_service
from shared.plumbing.topology import INTAKE, INTAKE_COMMANDS, INTAKE_COMMANDS_URGENT, INTAKE_QUERIES, INTAKE_URGENT


def create_app(config: Config | None = None, parts: Parts = PARTS) -> AsgiFastStream:
    """Compose intake from its settings."""
    return compose_service(
        config or Config(),
        "intake",
        listens=[
            Listens(INTAKE, events),
            Listens(INTAKE_URGENT, events),
            Listens(INTAKE_COMMANDS, commands),
            Listens(INTAKE_COMMANDS_URGENT, commands),
        ],
        collections=COLLECTIONS,
        ports=lambda runtime: {Directory: lambda: runtime.council.directory},
        replies=make_desk,
        answers=(INTAKE_QUERIES, make_desk),
        says=[fact for fact in CATALOGUE.values() if issubclass(fact, CaseEvent)],
        parts=parts,
    )


def make_desk(runtime: Runtime) -> CaseDesk:
    """Make the desk of a running service.

    Raises:
        ValueError: there are no vault keys.
    """
    if runtime.vault is None:
        raise ValueError("CASEWORK_VAULT_KEYS: give at least one key (`casework keys new` makes one)")
    return CaseDesk(MongoCaseFile(runtime.store, runtime.vault), runtime.vault, lambda: runtime.council.directory)
