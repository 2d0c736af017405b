"""The loop that sends: claims notices that are due and gives them away, to the mail server or to who makes the calls.

It is never the consumer: while the mail server is away it waits, and events are heard and noted as before. What is on
its way when the loop is told to stop is finished first, so that a deployment leaves no doubt behind. Calls have a loop
of their own, and so have the mails of danger: neither waits for an ordinary mail on its way.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, Protocol, TypeVar

from structlog.typing import FilteringBoundLogger

from services.notifier.domain import Channel, Status
from services.notifier.ports import (
    BookAway,
    CannotBeWritten,
    Claim,
    Delayed,
    Doubtful,
    Kept,
    NoticeBook,
    Outcome,
    Outlet,
    PostboxAway,
    PostboxLocked,
    Refused,
    Taken,
    Writer,
)
from shared.plumbing.ending import end

_IDLE = 0.2
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_LOCKED_WAIT = 60.0
_BOOK_TRIES = 30
_RATE = 45.0
_NO_END_YET: tuple[Status, ...] = ("queued", "sending", "handed_over")
Sleep = Callable[[float], Awaitable[None]]
Written = TypeVar("Written")


class Counts(Protocol):
    """Where ends are counted and the state of the mail server is shown."""

    def ended(self, template: str, outcome: str) -> None:
        """Count one notice that was sent, failed, delayed or left in doubt."""
        ...

    def mail_server(self, state: str) -> None:
        """Show `open`, `away` or `locked`."""
        ...

    def notices(self, waiting: int, in_doubt: int) -> None:
        """Show how many notices have no end yet, and how many may or may not have been sent."""
        ...


class Pace:
    """Spaces mails evenly: at most `rate` a second."""

    def __init__(self, rate: float) -> None:
        """Start with a free slot."""
        self._interval = 1.0 / rate
        self._free_at = 0.0

    def wait(self, now: float) -> float:
        """Take the next slot and give the seconds until it comes."""
        start = max(self._free_at, now)
        self._free_at = start + self._interval
        return start - now


class Sender(Generic[Written]):
    """Sends what is due, over a few connections at once; any number of processes may do so together."""

    def __init__(  # noqa: PLR0913  the parts of the loop
        self,
        book: NoticeBook,
        writer: Writer[Written],
        outlets: Sequence[Outlet[Written]],
        counts: Counts,
        log: FilteringBoundLogger,
        *,
        channel: Channel = "mail",
        urgent_only: bool = False,
        pace: Pace | None = None,
        batch: int = 20,
        last_mail: float = 15.0,
        recover_every: float = 30.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take one outlet for each notice that may be on its way at the same time.

        Args:
            book: the notices.
            writer: writes the mails, or the calls.
            outlets: connections to the mail server, or to who makes the calls.
            counts: where it is shown how it goes.
            log: where it is written down.
            channel: the notices it sends.
            urgent_only: leave what is not urgent to others.
            pace: spaces what is sent; loops that share one keep its rate together. None: 45 a second.
            batch: notices claimed at once.
            last_mail: seconds what is on its way may take when the loop is told to stop.
            recover_every: seconds between two looks for claims that have run out.
            sleep: waits so many seconds.
        """
        self._book = book
        self._writer = writer
        self._outlets = outlets
        self._channel, self._urgent_only = channel, urgent_only
        self._counts = counts
        self._pace = pace or Pace(_RATE)
        self._batch = batch
        self._last_mail = last_mail
        self._recover_every = recover_every
        self._sleep = sleep
        self._log = log
        self._wait = _FIRST_WAIT
        self._recover_at = 0.0
        self._stopping = self._opened = False
        self._locked_at_the_door = True
        """False: the server lets us in and then refuses our sender; only a mail can prove that this is over."""
        self.trouble: str | None = None
        """Why the mail server does not let us in; None when it does. Somebody must act: the service is not ready."""

    async def run(self) -> None:
        """Send until cancelled; then finish what is on its way and hang up."""
        try:
            while True:
                await self._sleep(await self._finish(self.turn()))
        finally:
            for outlet in self._outlets:
                await outlet.close()

    async def turn(self) -> float:
        """Look once, send what is due, and give the seconds to wait before the next look."""
        self._opened = False
        try:
            await self._recover()
            await self._outlets[0].open()
            self._arrived()
            claims = await self._book.claim(self._batch, self._channel, urgent_only=self._urgent_only)
            if not claims:
                return _IDLE
            waiting = deque(claims)
            outcomes = await asyncio.gather(
                *(self._send_all(outlet, waiting) for outlet in self._outlets[: len(claims)]),
                return_exceptions=True,
            )
            await self._book.release(waiting)
            _raise_worst(outcomes)
        except PostboxLocked as locked:
            return self._locked(str(locked))
        except PostboxAway as away:
            return self._away("mail server is away", str(away))
        except BookAway as away:
            return self._away("notices cannot be reached", str(away))
        return 0.0

    async def _finish(self, turn: Coroutine[Any, Any, float]) -> float:
        """Await a turn; when cancelled let what is on its way arrive, and only then stop."""
        task = asyncio.create_task(turn)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._stopping = True
            await self._wait_for_last(task)
            await end([task])
            raise

    async def _wait_for_last(self, task: "asyncio.Task[float]") -> None:
        """Wait until the last mail is out; whoever cancels again waits, too: a mail cut off may arrive twice."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._last_mail
        while not task.done() and loop.time() < deadline:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task], timeout=deadline - loop.time())

    async def _send_all(self, outlet: Outlet[Written], waiting: deque[Claim]) -> None:
        """Send from the common heap, in order, until it is empty or the server is gone."""
        while waiting and not self._stopping:
            claim = waiting.popleft()
            try:
                await self._send(outlet, claim)
            except (PostboxAway, PostboxLocked):
                waiting.appendleft(claim)
                raise

    async def _send(self, outlet: Outlet[Written], claim: Claim) -> None:
        delay = self._pace.wait(asyncio.get_running_loop().time())
        if delay:
            await self._sleep(delay)
        try:
            written = self._writer.write(claim.notice)
        except CannotBeWritten as error:
            await self._ended(claim, Refused(error.reason))
            return
        except Exception as error:  # noqa: BLE001  one notice, e.g. with a newer version's template, never stops the others
            self._log.error("a notice could not be written", error=type(error).__name__, notice=claim.notice.id)
            await self._ended(claim, Delayed("not-written"))
            return
        current = claim

        async def hand_over() -> bool:
            nonlocal current
            handed_over = await self._book.hand_over(claim)
            current = handed_over or claim
            return handed_over is not None

        outcome = await outlet.post(written, hand_over)
        self._unlocked()
        await self._ended(current, outcome)

    async def _ended(self, claim: Claim, outcome: Outcome) -> None:
        """Record what became of a notice. What the other side said is not lost because the database is away a while."""
        recorded = await self._insist(claim, outcome)
        name = type(outcome).__name__.lower()
        self._counts.ended(claim.notice.template, name)
        level = self._log.info if isinstance(outcome, Taken | Kept) else self._log.warning
        level(
            "notice",
            outcome=name,
            reason=getattr(outcome, "reason", ""),
            recorded=recorded,
            notice=claim.notice.id,
            case_id=claim.notice.case,
            template=claim.notice.template,
            recipient=claim.notice.recipient,
            attempts=claim.notice.attempts,
        )

    async def _insist(self, claim: Claim, outcome: Outcome) -> bool:
        """Record it, and try again while the database is away; what is still unrecorded then becomes a doubt."""
        for _ in range(_BOOK_TRIES):
            try:
                return await self._record(claim, outcome)
            except BookAway:
                await self._sleep(_FIRST_WAIT)
        return await self._record(claim, outcome)

    async def _record(self, claim: Claim, outcome: Outcome) -> bool:
        match outcome:
            case Taken():
                return await self._book.sent(claim)
            case Refused(reason):
                return await self._book.failed(claim, reason)
            case Doubtful(reason):
                return await self._book.in_doubt(claim, reason)
            case Delayed(reason):
                return await self._book.delay(claim, reason)
            case Kept():
                return False

    async def _recover(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._recover_at:
            return
        put_back, doubtful = await self._book.recover()
        self._counts.notices(await self._book.count(*_NO_END_YET), await self._book.count("in_doubt"))
        self._recover_at = now + self._recover_every
        if put_back or doubtful:
            self._log.warning("claims ran out", put_back=put_back, in_doubt=doubtful)

    def _arrived(self) -> None:
        self._opened = True
        self._wait = _FIRST_WAIT
        if self._locked_at_the_door:
            self._unlocked()
        if self.trouble is None:
            self._counts.mail_server("open")

    def _unlocked(self) -> None:
        if self.trouble:
            self._log.warning("mail server lets us in again")
            self._counts.mail_server("open")
        self.trouble = None

    def _away(self, event: str, reason: str) -> float:
        """Wait a little longer each time; nothing is wrong with any notice."""
        wait, self._wait = self._wait, min(self._wait * 2, _LONGEST_WAIT)
        self._counts.mail_server("away")
        self._log.warning(event, reason=reason, next_try_seconds=wait)
        return wait

    def _locked(self, reason: str) -> float:
        """Say so loudly and stop sending: somebody has to put it right."""
        self.trouble, self._locked_at_the_door = reason, not self._opened
        self._counts.mail_server("locked")
        self._log.error(
            "mail server does not let us in: sending has stopped, nothing is lost; "
            "check user, password, sender and STARTTLS of the notifier",
            reason=reason,
            next_try_seconds=_LOCKED_WAIT,
        )
        return _LOCKED_WAIT


def _raise_worst(outcomes: Sequence[BaseException | None]) -> None:
    """Raise what a connection met, an unknown error first."""
    errors = [outcome for outcome in outcomes if outcome is not None]
    known = (BookAway, PostboxAway, PostboxLocked)
    for error in sorted(errors, key=lambda error: isinstance(error, known)):
        raise error
