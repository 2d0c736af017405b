"""Find free TCP ports on the loopback interface and ask whether somebody listens there.

The one rule: everything the stack starts listens on 127.0.0.1 and nowhere else.
"""

import secrets
import socket

LOOPBACK = "127.0.0.1"

# A broker needs seconds between being told its port and binding it. In that time the kernel may hand a port of its
# ephemeral range (from 32768 on Linux) to any outgoing connection, so ours come from below that range.
_LOWEST, _HIGHEST = 20_000, 32_000
_ATTEMPTS = 200


def free_port() -> int:
    """Return a TCP port on loopback that nobody is bound to now.

    Raises:
        OSError: no free port was found.
    """
    for _ in range(_ATTEMPTS):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {_LOWEST} and {_HIGHEST} on {LOOPBACK}")


def is_listening(port: int, host: str = LOOPBACK) -> bool:
    """Say whether a connection to the port is accepted within a second."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def speaks_amqp(port: int, host: str = LOOPBACK) -> bool:
    """Say whether a broker answers the AMQP 0-9-1 protocol header with Connection.Start.

    An accepted connection is not enough: RabbitMQ opens its port before it serves (AMQP 0-9-1 §4.2.2).
    """
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(1) == b"\x01"
    except OSError:
        return False
