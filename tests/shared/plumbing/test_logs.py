"""Logs are one JSON object a line, and quote nothing that a library's error quotes."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.plumbing.logs import LINES, configure_logging

CANARY = "Jane Canary of 12 Mill Lane"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def broken() -> None:
    raise ValueError(CANARY)


@pytest.mark.parametrize("library", ["aiormq", "pymongo", "uvicorn.error", "anything"])
def test_a_librarys_error_leaves_its_type_and_place(capsys: pytest.CaptureFixture[str], library: str) -> None:
    configure_logging("toys", "INFO")

    try:
        broken()
    except ValueError:
        logging.getLogger(library).exception("it broke")

    text = capsys.readouterr().out
    line = json.loads(text)
    assert line["event"] == "it broke"
    assert line["error"].startswith("ValueError at test_logs.py:")
    assert "Canary" not in text


def test_our_own_error_does_too(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("toys", "INFO")

    try:
        broken()
    except ValueError:
        log.exception("it broke")

    text = capsys.readouterr().out
    assert json.loads(text)["error"].startswith("ValueError at test_logs.py:")
    assert "Canary" not in text


async def test_what_asyncio_reports_of_a_lost_task_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("toys", "INFO")
    loop = asyncio.get_running_loop()

    loop.call_exception_handler({"message": "Task exception was never retrieved", "exception": ValueError(CANARY)})

    text = capsys.readouterr().out
    assert json.loads(text)["event"] == "Task exception was never retrieved"
    assert "Canary" not in text


def test_lines_without_an_error_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("toys", "INFO")

    try:
        broken()
    except ValueError:
        log.info("handled", count=1)

    assert "error" not in json.loads(capsys.readouterr().out)


async def test_the_lines_of_a_block_are_written_in_one_go_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("toys", "INFO")

    with LINES.together():
        log.info("first")
        log.info("second")
        assert not capsys.readouterr().out
    log.info("third")

    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["first", "second", "third"]


async def test_the_lines_of_a_block_that_failed_are_written_too(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logging("toys", "INFO")

    def fail() -> None:
        with LINES.together():
            log.info("before")
            broken()

    with pytest.raises(ValueError, match="Canary"):
        fail()

    assert json.loads(capsys.readouterr().out)["event"] == "before"


@pytest.mark.parametrize("odd", ["half a pair \ud800", 2**80, {1: "a"}, object()])
def test_whatever_is_logged_becomes_one_line_of_json(capsys: pytest.CaptureFixture[str], odd: object) -> None:
    configure_logging("toys", "INFO").info("odd", value=odd)

    text = capsys.readouterr().out
    assert text.count("\n") == 1
    assert json.loads(text)["event"] == "odd"
