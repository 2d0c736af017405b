"""Gives mails to a mail server by SMTP, one recipient a transaction, over a connection that is used again.

Answers are sorted here, once: 4xx is a delay, 5xx about the recipient or the mail is final, and whatever is about us
(password, sender, TLS) locks the postbox and never costs a notice.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

import aiosmtplib
from pydantic import SecretStr

from services.notifier.domain import is_address
from services.notifier.ports import Delayed, Doubtful, Kept, Letter, Outcome, PostboxAway, PostboxLocked, Refused, Taken

StartTls = Literal["never", "if-offered", "required"]

_PERMANENT = 500
_CLOSING = 421
_AUTHENTICATION = {530, 534, 535, 538}
"""Replies that are about our credentials, wherever they appear (RFC 4954)."""
_START_TLS: dict[StartTls, bool | None] = {"never": False, "if-offered": None, "required": True}


class SmtpPostbox:
    """One connection to one mail server."""

    def __init__(  # noqa: PLR0913  what a mail server asks for
        self,
        host: str,
        port: int,
        *,
        starttls: StartTls = "required",
        user: str | None = None,
        password: SecretStr | None = None,
        timeout: float = 20.0,
        tls_context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
        idle_limit: float = 60.0,
    ) -> None:
        """Remember where the server is.

        Args:
            host: name of the server, which its certificate must bear.
            port: its port.
            starttls: whether the connection has to be encrypted before anything is said.
            user: name to log in with; None does not log in.
            password: password to log in with.
            timeout: seconds every single step may take.
            tls_context: whom to trust; the system's authorities when left out.
            local_hostname: our name in EHLO.
            idle_limit: seconds after which a connection is asked whether it still lives; servers hang up after minutes.
        """
        self._smtp = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            start_tls=_START_TLS[starttls],
            username=user,
            password=password.get_secret_value() if password else None,
            timeout=timeout,
            tls_context=tls_context,
            local_hostname=local_hostname,
        )
        self._used = 0.0
        self._idle_limit = idle_limit

    async def open(self) -> None:
        """Connect, or ask an idle connection whether it still lives and connect again if not."""
        if self._smtp.is_connected and self._now() - self._used > self._idle_limit:
            try:
                await self._smtp.noop()
                self._used = self._now()
            except (aiosmtplib.SMTPException, OSError):
                self._smtp.close()
        if not self._smtp.is_connected:
            await self._connect()
            self._used = self._now()

    async def post(self, letter: Letter, hand_over: Callable[[], Awaitable[bool]]) -> Outcome:
        """Offer one letter and sort the server's answer."""
        await self.open()
        refusal = await self._offer(letter)
        if refusal:
            return refusal
        try:
            ours = await hand_over()
        except BaseException:
            await self._reset()
            raise
        if not ours:
            await self._reset()
            return Kept()
        return await self._give(letter)

    async def close(self) -> None:
        """Say QUIT, and hang up in any case."""
        if self._smtp.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._smtp.quit(timeout=2.0)
        self._smtp.close()

    async def _connect(self) -> None:
        try:
            await self._smtp.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            if error.code < _PERMANENT:  # 454: the server's own user directory is away
                raise PostboxAway(f"smtp-{error.code}") from error
            raise PostboxLocked(f"smtp-{error.code}") from error
        except ssl.SSLError as error:
            raise PostboxLocked("tls-not-trusted") from error
        except aiosmtplib.SMTPResponseException as error:
            raise PostboxAway(f"smtp-{error.code}") from error
        except (OSError, TimeoutError) as error:  # every connection error and time-out of aiosmtplib is one of these
            raise PostboxAway("no-connection") from error
        except aiosmtplib.SMTPException as error:  # STARTTLS or AUTH is wanted and not offered
            raise PostboxLocked("tls-or-login-not-offered") from error

    async def _offer(self, letter: Letter) -> Outcome | None:
        """Say from whom and to whom; None when the server accepts."""
        if not (is_address(letter.sender) and is_address(letter.recipient)):
            return Refused("bad-address")
        try:
            await self._smtp.mail(letter.sender)
            await self._smtp.rcpt(letter.recipient)
        except aiosmtplib.SMTPSenderRefused as error:
            await self._reset()
            if error.code >= _PERMANENT:
                raise PostboxLocked(f"sender-{error.code}") from error
            return self._delayed(error.code)
        except aiosmtplib.SMTPResponseException as error:
            await self._reset()
            return self._sorted(error.code)
        except (aiosmtplib.SMTPException, OSError):
            # Counted as a try of this letter: one that makes the server hang up must not hold up the others.
            self._smtp.close()
            return Delayed("connection-lost")
        return None

    async def _give(self, letter: Letter) -> Outcome:
        """Hand the mail over. From here on silence is a doubt, an answer is an answer."""
        try:
            await self._smtp.data(letter.content)
        except aiosmtplib.SMTPDataError as error:
            await self._reset()
            return self._sorted(error.code, known_handed_over=True)
        except (aiosmtplib.SMTPException, OSError):  # hung up, too slow, or no SMTP reply at all
            self._smtp.close()
            return Doubtful("no-answer")
        except BaseException:
            self._smtp.close()  # a half-sent mail leaves a connection nobody else may use
            raise
        self._used = self._now()
        return Taken()

    def _sorted(self, code: int, *, known_handed_over: bool = False) -> Outcome:
        if code in _AUTHENTICATION and not known_handed_over:
            self._smtp.close()
            raise PostboxLocked(f"smtp-{code}")
        return Refused(f"smtp-{code}") if code >= _PERMANENT else self._delayed(code)

    def _delayed(self, code: int) -> Outcome:
        if code == _CLOSING:
            self._smtp.close()
        return Delayed(f"smtp-{code}")

    async def _reset(self) -> None:
        """Leave the transaction, so that the next letter starts afresh."""
        try:
            await self._smtp.rset()
        except (aiosmtplib.SMTPException, OSError):
            self._smtp.close()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
