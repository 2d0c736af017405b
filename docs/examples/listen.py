"""What another system hears: one line an event, and a warning where a case has a gap.

Needs pika and cloudevents, and from `casework subscriber add` the address (LISTEN_URL) and the queue (LISTEN_QUEUE).
"""  # noqa: INP001  an example, no package

import os
import signal
from contextlib import suppress

import pika
from cloudevents.core.bindings.amqp import AMQPMessage, from_binary_event

last_seen: dict[str, int] = {}  # by case; a system that matters keeps it where it keeps what it made of the events


def hear(channel, method, properties, body) -> None:  # noqa: ANN001  pika ships no types
    """Take one event, and acknowledge it once its work is done."""
    event = from_binary_event(AMQPMessage({"content-type": properties.content_type}, properties.headers, body))
    case, number = event.get_data().get("case"), event.get_extension("caseseq")
    if not case:  # no fact of a case: only who asked for other patterns hears it
        say(event.get_subject(), event.get_type())
    elif number > (last := last_seen.get(case["reference"], 0)):  # else it came again; a fact never changes
        if number > last + 1:
            say(case["reference"], f"gap: GET /v1/cases/{case['reference']}/events?after={last} has what is missing")
        say(case["reference"], event.get_type(), f"caseseq={number} state={case['state']} team={case['team']}")
        last_seen[case["reference"]] = number
    channel.basic_ack(method.delivery_tag)


def say(*words: str) -> None:
    """Write a line at once, also into a pipe."""
    print(*words, flush=True)  # noqa: T201  printing is all this example does


signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop ends like Ctrl-C; what is unacknowledged comes again
with suppress(KeyboardInterrupt), pika.BlockingConnection(pika.URLParameters(os.environ["LISTEN_URL"])) as connection:
    channel = connection.channel()
    channel.basic_qos(prefetch_count=100)
    channel.basic_consume(os.environ["LISTEN_QUEUE"], hear)
    channel.start_consuming()
