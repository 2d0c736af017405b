"""A real mail server for tests: aiosmtpd on a port of its own, with STARTTLS, log-in and answers the test chooses."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "notifier", "a-fictional-password"


class MailServer:
    """Takes mails; `answers` maps a recipient, a sender or `DATA` to the reply it gets."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[tuple[str, list[str], bytes]] = []
        self.answers: dict[str, str] = {}
        self.connections = self.noops = 0
        self.encrypted: list[bool] = []
        self.transports: list[asyncio.Transport] = []
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle_NOOP(self, server: SMTP, session: Session, envelope: Envelope, argument: str) -> str:  # noqa: N802  aiosmtpd's name
        self.noops += 1
        return "250 OK"

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        answer = self.answers.get("DATA", "250 OK")
        if answer == "hang up":
            for transport in self.transports:
                transport.abort()
            return "250 OK"
        if answer.startswith("250 "):
            assert isinstance(envelope.original_content, bytes)
            self.mails.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content))
            self.encrypted.append(session.ssl is not None)
            self.arrived.put_nowait(envelope.original_content)
        return answer

    def hang_up(self) -> None:
        """Close every connection."""
        for transport in self.transports:
            transport.close()


class _Counted(SMTP):
    def __init__(self, mails: MailServer, context: ssl.SSLContext | None, *, login: bool) -> None:
        super().__init__(
            mails,
            hostname="localhost",
            tls_context=context,
            auth_required=login,
            auth_require_tls=context is not None,
            authenticator=_authenticate,
            loop=asyncio.get_running_loop(),
        )
        self._mails = mails

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.session is None:
            self._mails.connections += 1
        assert isinstance(transport, asyncio.Transport)
        self._mails.transports.append(transport)
        super().connection_made(transport)


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
) -> AuthResult:
    if (given.login, given.password) == (USER.encode(), PASSWORD.encode()):
        return AuthResult(success=True)
    return AuthResult(success=False, handled=False)  # handled=True would answer nothing, and the client would wait


@asynccontextmanager
async def mail_server(*, tls: ssl.SSLContext | None = None, login: bool = False) -> AsyncIterator[MailServer]:
    """Run a mail server on loopback."""
    mails = MailServer()
    server = await asyncio.get_running_loop().create_server(lambda: _Counted(mails, tls, login=login), "127.0.0.1", 0)
    mails.port = server.sockets[0].getsockname()[1]
    try:
        yield mails
    finally:
        server.close()
        for transport in mails.transports:
            transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)


def make_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for localhost: the server's TLS, and the file a client has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    start = dt.datetime.fromtimestamp(0, dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2099))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context, certificate_file
