"""Bad input gets a problem document that names the place and the fix, and never repeats what was sent."""

import json
from typing import Any

import httpx2
import pytest

from services.gateway.routes.frontdoor import MAX_BODY
from services.gateway.routes.placing import AssignIn, OpenTaskIn
from services.gateway.schemas import Sent
from shared.commands import reference_for
from tests.gateway.fakes import BODY, CANARY, House, assert_problem, keyed

REFERENCE = reference_for("exampleton", "cllr-moss", "key-0001")


async def raised(house: House, body: Any) -> httpx2.Response:
    async with house.visit_as() as client:
        return await client.post("/v1/cases", json=body, headers=keyed())


@pytest.mark.parametrize("missing", ["kind", "service", "ward", "summary", "description"])
async def test_a_missing_field_is_named(missing: str) -> None:
    answer = await raised(House(), {name: value for name, value in BODY.items() if name != missing})

    problem = assert_problem(answer, 422)
    assert (problem["field"], problem["errors"][0]["fix"]) == (missing, "Add it.")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", CANARY),
        ("kind", ["case"]),
        ("service", {"$gt": ""}),
        ("service", 7),
        ("service", "a b"),
        ("service", "x" * 65),
        ("ward", {"$gt": ""}),
        ("ward", None),
        ("flags", CANARY),
        ("flags", [{"$gt": ""}]),
        ("flags", ["a"] * 9),
        ("cc", ["cllr-x"] * 11),
        ("share_constituent", "yes"),
        ("share_constituent", 1),
        ("on_behalf", CANARY),
        ("summary", {"$gt": ""}),
        ("summary", ""),
        ("summary", "   "),
        ("summary", "x" * 201),
        ("summary", f"{CANARY}\nBcc: all"),
        ("summary", f"{CANARY}\u2028x"),
        ("description", ["x"]),
        ("description", "x" * 10_001),
        ("location", 5),
        ("location", "x" * 201),
        ("constituent", CANARY),
        ("constituent", {"name": CANARY}),
        ("constituent", {"name": CANARY, "authority": "none"}),
        ("constituent", {"name": {"$gt": ""}, "authority": "constituent-asked"}),
        ("constituent", {"name": "R", "authority": "constituent-asked", "email": CANARY}),
        ("constituent", {"name": "R", "authority": "constituent-asked", CANARY: 1}),
    ],
)
async def test_a_field_that_breaks_its_rule_is_named_and_not_quoted(field: str, value: object) -> None:
    house = House()

    answer = await raised(house, BODY | {field: value})

    found = answer.json()["errors"]
    if CANARY not in json.dumps([each["field"] for each in found]):  # a name the sender made up may be told
        assert_problem(answer, 422)
    assert answer.status_code == 422
    assert all(each["field"].split(".")[0] == field for each in found)
    assert house.intake.commands == []
    assert CANARY not in "".join(house.logged)


async def test_a_lone_surrogate_is_refused() -> None:
    house = House()
    content = json.dumps(BODY | {"summary": "X"}).replace('"X"', '"\\ud800"')

    async with house.visit_as() as client:
        answer = await client.post("/v1/cases", content=content, headers=keyed() | {"Content-Type": "application/json"})

    assert_problem(answer, 422)


DECIDED_ELSEWHERE = [
    *("actor", "principal", "on_behalf_of", "created_by", "controller_id"),
    *("at", "lane", "reference", "body_hash", "type", "id"),
    *("owner", "team", "level", "secretary"),
    *("state", "status", "version", "caseseq", "clocks", "history"),
]


@pytest.mark.parametrize("field", DECIDED_ELSEWHERE)
async def test_nobody_can_set_what_is_decided_elsewhere(field: str) -> None:
    house = House()

    problem = assert_problem(await raised(house, BODY | {field: CANARY}), 422)

    assert (problem["field"], problem["errors"][0]["fix"]) == (field, "Remove it.")
    assert house.intake.commands == []


def test_no_body_has_a_field_that_is_decided_elsewhere() -> None:
    bodies = [kind for kind in Sent.__subclasses__() if kind.__module__.startswith("services.gateway.")]

    assert len(bodies) > 15
    for body in bodies:
        assert body.model_config["extra"] == "forbid"
        decided = set(DECIDED_ELSEWHERE) - ({"team"} if issubclass(body, AssignIn | OpenTaskIn) else set())
        assert not set(body.model_fields) & decided


BROKEN_ORDERS: list[tuple[str, dict[str, Any], str]] = [
    ("return", {"text": CANARY}, "reason"),
    ("return", {"reason": f"{CANARY} lives here", "text": "x"}, "reason"),
    ("return", {"reason": "other-team"}, "text"),
    ("assign", {"text": CANARY}, "team"),
    ("assign", {"team": "housing", "restart_clock": "yes", "text": CANARY}, "restart_clock"),
    ("open-task", {"team": "housing", "days": 0, "text": CANARY}, "days"),
    ("open-task", {"team": "housing", "days": 261, "text": CANARY}, "days"),
    ("open-task", {"team": "housing", "days": "5", "text": CANARY}, "days"),
    ("answer-task", {"number": 0, "text": CANARY}, "number"),
    ("answer-task", {"number": 100, "text": CANARY}, "number"),
    ("answer-task", {"number": 1, "text": " "}, "text"),
    ("take-over", {"consent": CANARY}, "consent"),
    ("transfer-owner", {"consent": "no-constituent", "text": CANARY}, "person"),
]


@pytest.mark.parametrize(("name", "body", "field"), BROKEN_ORDERS)
async def test_an_order_that_breaks_its_schema_names_the_field(name: str, body: dict[str, Any], field: str) -> None:
    house = House()

    async with house.visit_as("off-reed") as client:
        answer = await client.post(f"/v1/cases/{REFERENCE}/{name}", json=body, headers=keyed())

    assert assert_problem(answer, 422)["field"] == field
    assert house.intake.commands == []


async def test_a_made_up_name_that_is_no_name_is_not_repeated() -> None:
    problem = assert_problem(await raised(House(), BODY | {f"{CANARY} lives here": 1}), 422)

    assert problem["field"] == "(unnamed)"


@pytest.mark.parametrize(
    ("command", "body", "field"),
    [
        ("commit", {"promised": 1_800_000_000, "text": "x"}, "promised"),
        ("commit", {"promised": "18/12/2026", "text": "x"}, "promised"),
        ("commit", {"promised": "2026-02-30", "text": "x"}, "promised"),
        ("commit", {"promised": "2026-12-18T00:00:00", "text": "x"}, "promised"),
        ("commit", {"promised": "2026-12-18"}, "text"),
        ("extend-auto-close", {"to_commitment": "true", "reason": "x"}, "to_commitment"),
        ("extend-auto-close", {"until": "2026-12-18"}, "reason"),
        ("add-cc", {"person": {"$gt": ""}}, "person"),
        ("add-cc", {}, "person"),
        ("complete", {"reason": CANARY}, "reason"),
        ("accept", {"outcome": CANARY}, "outcome"),
        ("acknowledge", {"text": CANARY}, "text"),
        ("add-progress", {"text": ""}, "text"),
        ("answer", [], "body"),
        ("answer", "text", "body"),
    ],
)
async def test_a_commands_body_is_held_to_its_own_rules(command: str, body: object, field: str) -> None:
    house = House()

    async with house.visit_as() as client:
        answer = await client.post(f"/v1/cases/{REFERENCE}/{command}", json=body, headers=keyed())

    assert assert_problem(answer, 422)["field"] == field
    assert house.intake.commands == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"kind": "case",}', "character"),
        (b"{'kind': 'case'}", "line 1, column 2"),
        (b'{"kind": "case"\n "ward"}', "line 2"),
        (b'{"summary": "' + CANARY.encode(), "character"),
        (b"\xff\xfe{}", "byte 0"),
        (b'{"a": NaN}', "out of bounds"),
        (b"[" * 100_000, "out of bounds"),
        (b"[" * 30 + b"]" * 30, "nests"),
        (b"[" + b"1," * 1000 + b"1]", "items"),
    ],
)
async def test_malformed_json_is_400_and_the_place_is_named(content: bytes, said: str) -> None:
    house = House()

    async with house.visit_as() as client:
        answer = await client.post("/v1/cases", content=content, headers=keyed() | {"Content-Type": "application/json"})

    assert said in assert_problem(answer, 400)["detail"]


async def test_another_media_type_is_415() -> None:
    async with House().visit_as() as client:
        answer = await client.post("/v1/cases", data={"kind": "case"}, headers=keyed())

    assert assert_problem(answer, 415)["field"] == "Content-Type"


async def test_a_body_at_the_limit_is_read_and_one_byte_more_is_413() -> None:
    house = House()
    headers = keyed() | {"Content-Type": "application/json"}

    async with house.visit_as() as client:
        at_limit = await client.post("/v1/cases", content=b"{}" + b" " * (MAX_BODY - 2), headers=headers)
        over = await client.post("/v1/cases", content=b"{}" + b" " * (MAX_BODY - 1), headers=headers)

    assert_problem(at_limit, 422)
    assert "1 MiB" in assert_problem(over, 413)["detail"]


async def test_a_body_that_hides_its_size_is_413_too() -> None:
    async def chunks() -> Any:
        for _ in range(MAX_BODY // 65_536 + 1):
            yield b" " * 65_536

    async with House().visit_as() as client:
        answer = await client.post(
            "/v1/cases", content=chunks(), headers=keyed() | {"Content-Type": "application/json"}
        )

    assert_problem(answer, 413)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "key-missing"),
        ({"Idempotency-Key": ""}, "key-malformed"),
        ({"Idempotency-Key": "a b"}, "key-malformed"),
        ({"Idempotency-Key": "x" * 129}, "key-malformed"),
    ],
)
async def test_a_post_needs_a_key(headers: dict[str, str], code: str) -> None:
    async with House().visit_as() as client:
        answer = await client.post("/v1/cases", json=BODY, headers=headers)

    problem = assert_problem(answer, 400)
    assert (problem["code"], problem["field"]) == (code, "Idempotency-Key")
    assert "Idempotency-Key" in problem["detail"]


async def test_two_keys_are_none() -> None:
    async with House().visit_as() as client:
        headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b"), *client.headers.multi_items()]
        answer = await client.post("/v1/cases", json=BODY, headers=headers)

    assert assert_problem(answer, 400)["code"] == "key-malformed"


@pytest.mark.parametrize(
    "query",
    ["state=asleep", "limit=0", "limit=101", "limit=many", "cursor=a%20b", "cursor=" + "x" * 65, "state[$gt]=&limit=x"],
)
async def test_a_list_is_held_to_its_bounds(query: str) -> None:
    async with House().visit_as() as client:
        answer = await client.get(f"/v1/cases?{query}")

    assert_problem(answer, 422)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", f"after={CANARY}"])
async def test_events_are_held_to_their_bounds(query: str) -> None:
    async with House().visit_as() as client:
        answer = await client.get(f"/v1/cases/{REFERENCE}/events?{query}")

    assert_problem(answer, 422)


async def test_an_unknown_address_is_a_problem() -> None:
    async with House().visit() as client:
        answer = await client.get(f"/v2/{CANARY}")

    assert_problem(answer, 404)


async def test_an_unknown_command_is_not_found() -> None:
    async with House().visit_as() as client:
        answer = await client.post(f"/v1/cases/{REFERENCE}/close", json={}, headers=keyed())

    assert_problem(answer, 404)


async def test_another_method_is_405_and_says_which_are_allowed() -> None:
    async with House().visit_as() as client:
        answer = await client.delete("/v1/cases")

    assert_problem(answer, 405)
    assert answer.headers["Allow"]


async def test_too_many_headers_are_431() -> None:
    async with House().visit_as() as client:
        answer = await client.get("/v1/me", headers={"X-Long": "x" * 8192})

    assert_problem(answer, 431)


async def test_a_long_query_is_414() -> None:
    async with House().visit_as() as client:
        answer = await client.get("/v1/services?q=" + "x" * 2049)

    assert_problem(answer, 414)
