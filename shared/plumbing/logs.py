"""Structured logs: one JSON object a line, whatever the input; one canonical line per message.

Nothing personal and no message body is ever logged; error texts of libraries are not, because they may quote input.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

_QUIET = ("aio_pika", "aiormq", "faststream", "pymongo", "uvicorn.access", "httpx2", "httpcore2", "asyncio")


def place_of(error: BaseException) -> str:
    """Name an error by its type and the line it came from: its text may quote what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "unknown"
    return f"{type(error).__name__} at {place}"


def _without_error_texts(_: Any, __: str, event: EventDict) -> EventDict:
    """Leave of an exception its type and place, and of asyncio's reports their first line."""
    told = event.pop("exc_info", None)
    error = told[1] if isinstance(told, tuple) else told if isinstance(told, BaseException) else sys.exc_info()[1]
    if told and error is not None:
        event["error"] = place_of(error)
    if event.get("logger") == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


class Lines:
    """Where log lines go: each at once, or those of a block together."""

    def __init__(self) -> None:
        self.stream = sys.stdout
        """The standard output of when logging was configured."""
        self._kept: list[str] | None = None

    def write(self, text: str) -> None:
        """Write a line, or keep it until the block ends."""
        if self._kept is None:
            self._out().write(text)
        else:
            self._kept.append(text)

    def flush(self) -> None:
        """Hand over to the system what was written."""
        if self._kept is None:
            self._out().flush()

    def _out(self) -> TextIO:
        """Give the stream, or today's standard output where whoever configured logging has closed his."""
        return sys.stdout if self.stream.closed else self.stream

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the lines of the block in one go at its end, however it ends: writing is the dearest part of a line.

        The block must not await: lines from elsewhere would wait with its own.
        """
        self._kept = []
        try:
            yield
        finally:
            kept, self._kept = self._kept, None
            out = self._out()
            out.write("".join(kept))
            out.flush()


LINES = Lines()


def _json(event: Any, **how: Any) -> str:
    """Write a line: by the quick writer, and what it refuses (half a surrogate pair, say) by the tolerant one."""
    try:
        return orjson.dumps(event, **how).decode()
    except TypeError:
        return json.dumps(event, **how)


def configure_logging(service: str, level: str) -> FilteringBoundLogger:
    """Set up the process's logging and give the service's logger."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    number = logging.getLevelNamesMapping()[level]
    LINES.stream = sys.stdout
    structlog.configure(
        processors=[*shared, _without_error_texts, structlog.processors.JSONRenderer(_json)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", LINES)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_error_texts,
                structlog.processors.JSONRenderer(_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("pamqp").setLevel(logging.ERROR)  # it quotes headers that it cuts
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    log: FilteringBoundLogger = structlog.get_logger().bind(service=service)
    return log
