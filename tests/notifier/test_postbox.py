"""The postbox against a real mail server: what each answer means."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.notifier.adapters import SmtpPostbox, StartTls
from services.notifier.ports import Delayed, Doubtful, Kept, Letter, PostboxAway, PostboxLocked, Refused, Taken
from tests.notifier.mail_server import PASSWORD, USER, MailServer, mail_server, make_certificate

SENDER, ADA = "noreply@exampleton.example", "ada.alder@exampleton.example"
LETTER = Letter(SENDER, ADA, b"Subject: x\r\n\r\nWords\r\n.\r\n..dots\r\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def postbox(
    server: MailServer,
    starttls: StartTls = "never",
    *,
    trust: Path | None = None,
    password: str | None = None,
    idle_limit: float = 60.0,
) -> SmtpPostbox:
    return SmtpPostbox(
        "127.0.0.1",
        server.port,
        starttls=starttls,
        user=USER if password else None,
        password=SecretStr(password) if password else None,
        timeout=5.0,
        tls_context=ssl.create_default_context(cafile=str(trust) if trust else None),
        local_hostname="localhost",
        idle_limit=idle_limit,
    )


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def test_a_letter_arrives_byte_for_byte_for_one_recipient_after_the_hand_over_was_noted() -> None:
    asked: list[int] = []
    async with mail_server() as server:

        async def hand_over() -> bool:
            asked.append(len(server.mails))
            return True

        box = postbox(server)
        outcome = await box.post(LETTER, hand_over)
        await box.close()

        assert outcome == Taken()
        assert server.mails == [(SENDER, [ADA], LETTER.content)]
        assert asked == [0]


async def test_with_starttls_and_log_in_everything_is_said_encrypted(
    certificate: tuple[ssl.SSLContext, Path],
) -> None:
    context, file = certificate
    async with mail_server(tls=context, login=True) as server:
        box = postbox(server, "required", trust=file, password=PASSWORD)

        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert server.encrypted == [True]


async def test_starttls_is_used_where_it_is_offered(certificate: tuple[ssl.SSLContext, Path]) -> None:
    context, file = certificate
    async with mail_server(tls=context) as server:
        box = postbox(server, "if-offered", trust=file)

        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert server.encrypted == [True]


async def test_without_starttls_nothing_is_sent_where_it_is_required() -> None:
    async with mail_server() as server:
        with pytest.raises(PostboxLocked, match="tls-or-login-not-offered"):
            await postbox(server, "required").post(LETTER, yes)

        assert server.mails == []


async def test_a_certificate_nobody_vouches_for_is_not_trusted(certificate: tuple[ssl.SSLContext, Path]) -> None:
    context, _ = certificate
    async with mail_server(tls=context) as server:
        with pytest.raises(PostboxLocked, match="tls-not-trusted"):
            await postbox(server, "required").open()

        assert server.mails == []


async def test_a_wrong_password_locks_the_postbox(certificate: tuple[ssl.SSLContext, Path]) -> None:
    context, file = certificate
    async with mail_server(tls=context, login=True) as server:
        with pytest.raises(PostboxLocked, match="smtp-535"):
            await postbox(server, "required", trust=file, password="another").post(LETTER, yes)


async def test_a_server_that_wants_a_log_in_we_do_not_have_locks_the_postbox(
    certificate: tuple[ssl.SSLContext, Path],
) -> None:
    context, file = certificate
    async with mail_server(tls=context, login=True) as server:
        with pytest.raises(PostboxLocked, match="530"):
            await postbox(server, "required", trust=file).post(LETTER, yes)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("550 no such user", Refused("smtp-550")),
        ("553 bad name", Refused("smtp-553")),
        ("450 busy", Delayed("smtp-450")),
        ("452 full", Delayed("smtp-452")),
    ],
)
async def test_an_answer_about_the_recipient_is_about_this_letter_alone(
    answer: str, outcome: Refused | Delayed
) -> None:
    async with mail_server() as server:
        server.answers[ADA] = answer
        box = postbox(server)

        assert await box.post(LETTER, yes) == outcome
        assert await box.post(LETTER._replace(recipient="ben@exampleton.example"), yes) == Taken()
        await box.close()

        assert [mail[1] for mail in server.mails] == [["ben@exampleton.example"]]
        assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "outcome"), [("554 looks like spam", Refused("smtp-554")), ("451 later", Delayed("smtp-451"))]
)
async def test_an_answer_about_the_mail_is_an_answer(answer: str, outcome: Refused | Delayed) -> None:
    async with mail_server() as server:
        server.answers["DATA"] = answer
        box = postbox(server)

        assert await box.post(LETTER, yes) == outcome
        server.answers.clear()
        assert await box.post(LETTER, yes) == Taken()
        await box.close()


@pytest.mark.parametrize("answer", ["hang up", "what is this"])
async def test_without_an_answer_the_mail_is_a_doubt_and_the_next_letter_gets_a_new_connection(answer: str) -> None:
    async with mail_server() as server:
        server.answers["DATA"] = answer
        box = postbox(server)

        assert await box.post(LETTER, yes) == Doubtful("no-answer")
        server.answers.clear()
        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert server.connections == 2


async def test_a_server_that_refuses_our_sender_costs_no_notice() -> None:
    async with mail_server() as server:
        server.answers[SENDER] = "553 not your address"
        box = postbox(server)

        with pytest.raises(PostboxLocked, match="sender-553"):
            await box.post(LETTER, yes)
        await box.close()


async def test_a_sender_refused_for_now_is_a_delay() -> None:
    async with mail_server() as server:
        server.answers[SENDER] = "451 try again"
        box = postbox(server)

        assert await box.post(LETTER, yes) == Delayed("smtp-451")
        await box.close()


async def test_a_server_that_closes_for_maintenance_is_a_delay_and_a_new_connection() -> None:
    async with mail_server() as server:
        server.answers[ADA] = "421 closing"
        box = postbox(server)

        assert await box.post(LETTER, yes) == Delayed("smtp-421")
        server.answers.clear()
        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert server.connections == 2


async def test_a_notice_that_is_no_longer_ours_is_not_sent() -> None:
    async with mail_server() as server:
        box = postbox(server)

        assert await box.post(LETTER, no) == Kept()
        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert len(server.mails) == 1


async def test_a_failing_hand_over_sends_nothing_and_leaves_the_connection_usable() -> None:
    class StoreAway(Exception):
        pass

    async def away() -> bool:
        raise StoreAway

    async with mail_server() as server:
        box = postbox(server)

        with pytest.raises(StoreAway):
            await box.post(LETTER, away)
        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert len(server.mails) == 1


async def test_nobody_at_the_port_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = MailServer()
        nobody.port = free.getsockname()[1]

    with pytest.raises(PostboxAway, match="no-connection"):
        await postbox(nobody).open()


async def test_a_server_that_never_greets_is_an_outage_after_the_time_out() -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    rude = MailServer()
    rude.port = server.sockets[0].getsockname()[1]

    with pytest.raises(PostboxAway, match="no-connection"):
        await postbox(rude).open()

    server.close()
    await server.wait_closed()


async def test_one_connection_serves_many_letters_and_is_not_asked_while_busy() -> None:
    async with mail_server() as server:
        box = postbox(server)

        for _ in range(5):
            assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert (server.connections, server.noops, len(server.mails)) == (1, 0, 5)


async def test_an_idle_connection_is_asked_whether_it_lives() -> None:
    async with mail_server() as server:
        box = postbox(server, idle_limit=-1.0)
        await box.open()

        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert (server.connections, server.noops) == (1, 1)


async def test_an_idle_connection_the_server_has_closed_is_replaced() -> None:
    async with mail_server() as server:
        box = postbox(server, idle_limit=-1.0)
        await box.open()
        server.hang_up()

        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert server.connections == 2


@pytest.mark.parametrize("address", ["ada@exampleton.example>\r\nRCPT TO:<eve@evil.example", "ädä@exampleton.example"])
async def test_an_address_that_is_none_is_refused_and_reaches_nobody(address: str) -> None:
    async with mail_server() as server:
        box = postbox(server)

        assert await box.post(LETTER._replace(recipient=address), yes) == Refused("bad-address")
        assert await box.post(LETTER, yes) == Taken()
        await box.close()

        assert [mail[1] for mail in server.mails] == [[ADA]]
