"""Structured logs: one JSON object a line, whatever the input; one canonical line per message.

Nothing personal and no message body is ever logged; error texts of libraries are not, because they may quote input.
"""

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger, Processor

_QUIET = ("aio_pika", "aiormq", "faststream", "pymongo", "uvicorn.access", "httpx2", "httpcore2", "asyncio")


def configure_logging(service: str, level: str) -> FilteringBoundLogger:
    """Set up the process's logging and give the service's logger."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    log: FilteringBoundLogger = structlog.get_logger().bind(service=service)
    return log
