"""Programs made of other parts, for uvicorn: the environment says of which (FAULTY_PARTS)."""

import os
from collections.abc import Mapping

from faststream.asgi import AsgiFastStream

from services.intake.app import create_app as create_intake
from services.routing.app import create_app as create_routing
from shared.plumbing.service import Parts
from tests.faults import poison, sabotage
from tests.faults.crashing import CRASHING, CrashingStore, CrashingWire

FAULTY = "FAULTY_PARTS"
MADE_OF: Mapping[str, Parts] = {
    "crashing": CRASHING,
    "ack before write": Parts(wire=sabotage.AckBeforeWrite, store=CrashingStore),
    "new id each time": Parts(wire=sabotage.NewIdEachTime, store=CrashingStore),
    "said when written": Parts(wire=CrashingWire, store=sabotage.SaidWhenWritten),
    "kills": Parts(store=poison.Killed),
    "kills, deliveries hidden": Parts(wire=sabotage.HidesDeliveries, store=poison.Killed),
}


def intake() -> AsgiFastStream:
    """Make intake."""
    return create_intake(parts=MADE_OF[os.environ[FAULTY]])


def routing() -> AsgiFastStream:
    """Make routing."""
    return create_routing(parts=MADE_OF[os.environ[FAULTY]])
