"""What must be true after any flow: every message has ended done or dead, and nothing personal has shown anywhere."""

from bson import encode

from tests.flows.programs import Program
from tests.flows.town import SERVICES, Town

DONE = {"done", "repeated", "nothing-to-do", "refused"}
"""What may become of a message that is not a dead letter."""


def neither_done_nor_dead(town: Town) -> list[str]:
    """List the messages that have ended otherwise; of the dead letters, only those a test has made and taken count."""
    dead = {one.id for one in town.tap.dead}
    return [
        f"{line['outcome']}: {line['type']} {line['message_id']} on {line['queue']}"
        for line in town.logs.messages
        if line["outcome"] not in DONE and line["message_id"] not in dead
    ]


async def places_of(town: Town) -> dict[str, str]:
    """Gather everything that somebody without a right to a case could read, by where it stands."""
    places = {"log": town.logs.getvalue()}
    for number, one in enumerate([*town.tap.heard, *town.tap.dead]):
        places[f"message {number} {one.exchange} {one.type}"] = one.everything()
    for mail in town.inbox.find():
        places[f"mail {mail.id}"] = f"{mail.headers} {mail.text} {mail.html}"
    for service in SERVICES:
        places[f"metrics of {service}"] = await _metrics(town.programs[service])
        for name, documents in (await town.documents(service)).items():
            places |= {f"{service}.{name} {one['_id']}": str(encode(one)) for one in documents}
    return places


async def _metrics(program: Program) -> str:
    found = await program.metrics()
    assert "# HELP casework_" in found
    return found


def shown_in(places: dict[str, str], words: str) -> list[str]:
    """Name the places where some words show, in whatever case."""
    return [place for place, text in places.items() if words.casefold() in text.casefold()]
