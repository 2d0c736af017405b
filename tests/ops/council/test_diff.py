"""No difference is missed and none invented, and each is said in words that people use."""

import copy
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ops.council.diff import Change, Difference, Differences, differences
from ops.council.showing import render
from shared.council import Council, load_bundle

ROOT = Path(__file__).parents[3]
SAMPLE = load_bundle(ROOT / "council")
Values = dict[str, Any]
Edit = Callable[[Values], object]


def edited(*edits: Edit) -> Council:
    """Give the sample with something changed, whether or not a check would let it pass."""
    values = copy.deepcopy(SAMPLE.model_dump(mode="json"))
    for edit in edits:
        edit(values)
    return Council.model_validate(values)


def one(values: Values, field: str, key: str) -> Values:
    found: Values = next(each for each in values[field] if key in {each.get("id"), each.get("code")})
    return found


def found(*edits: Edit) -> list[Difference]:
    return list(differences(SAMPLE, edited(*edits)).entries)


def swap(values: list[Any], first: int, second: int) -> None:
    values[first], values[second] = values[second], values[first]


def changed(kind: str, name: str, field: str, old: Any, new: Any) -> Difference:
    return Difference(kind=kind, id=name, what="changed", changes=(Change(field=field, old=old, new=new),))


QUESTION = {"id": "colour", "type": "choice", "label": "Which?", "options": [{"code": "red", "label": "Red"}]}
LITTER = {"questions": [QUESTION], "notices": [{"text": "Take care.", "kind": "info", "when": {}}]}


def with_form(values: Values) -> Values:
    service = one(values, "services", "graffiti")
    service["form"] = copy.deepcopy(LITTER)
    return service


ONE_DIFFERENCE: list[tuple[str, Edit, Difference]] = [
    (
        "a value of the council",
        lambda values: values.update(version="2027.1"),
        changed("council", "", "version", SAMPLE.version, "2027.1"),
    ),
    (
        "a policy",
        lambda values: values["policies"].update(realert_minutes=20),
        changed("policies", "", "realert_minutes", 15, 20),
    ),
    (
        "a field of a part",
        lambda values: one(values, "rules", "noise").update(team="parks-trees"),
        changed("rule", "noise", "team", "environmental-protection", "parks-trees"),
    ),
    (
        "a list of words",
        lambda values: one(values, "wards", "abbey").update(successors=["rowley"]),
        changed("ward", "abbey", "successors", [], ["rowley"]),
    ),
    (
        "the end of a seat",
        lambda values: values["councillors"][0]["seats"][0].update(valid_to="2026-05-10"),
        changed("seat", "cllr-001 abbey 2023-05-08", "valid_to", None, "2026-05-10"),
    ),
    (
        "a part that is new",
        lambda values: values["wards"].append({"code": "marina", "name": "Marina", "town": "oldbury"}),
        Difference(
            kind="ward",
            id="marina",
            what="added",
            changes=(
                Change(field="name", new="Marina"),
                Change(field="town", new="oldbury"),
                Change(field="seats", new=3),
            ),
        ),
    ),
    (
        "a part that is gone",
        lambda values: values["systems"].pop(),
        Difference(
            kind="system",
            id="sys-resident-portal",
            what="removed",
            changes=(Change(field="name", old="Resident portal"),),
        ),
    ),
    (
        "a number for a key",
        lambda values: values["lgsl"].append({"id": 9_998, "label": "Beacons"}),
        Difference(kind="LGSL entry", id="9998", what="added", changes=(Change(field="label", new="Beacons"),)),
    ),
    (
        "the order of a kind",
        lambda values: swap(values["towns"], 0, 2),
        Difference(
            kind="town",
            id="",
            what="reordered",
            changes=(
                Change(
                    field="order",
                    old=[each.code for each in SAMPLE.towns],
                    new=["smethwick", "rowley-regis", "oldbury", "tipton", "wednesbury", "west-bromwich"],
                ),
            ),
        ),
    ),
]


@pytest.mark.parametrize(
    ("edit", "wanted"), [case[1:] for case in ONE_DIFFERENCE], ids=[case[0] for case in ONE_DIFFERENCE]
)
def test_one_difference_is_found_alone(edit: Edit, wanted: Difference) -> None:
    assert found(edit) == [wanted]


def test_a_form_is_compared_down_to_the_words_of_an_option() -> None:
    before = edited(with_form)

    def reword(values: Values) -> None:
        form = with_form(values)["form"]
        form["questions"][0]["options"][0]["label"] = "Crimson"
        form["questions"].append({"id": "when", "type": "date", "label": "When?"})
        form["notices"][0]["text"] = "Take great care."

    [difference] = differences(before, edited(reword)).entries

    fields = [(each.field, each.old, each.new) for each in difference.changes]
    assert (difference.kind, difference.id) == ("service", "graffiti")
    assert fields[0] == ("form.questions.colour.options.red.label", "Red", "Crimson")
    assert (fields[1][0], fields[1][1], fields[1][2]["label"]) == ("form.questions.when", None, "When?")
    assert (fields[2][0], fields[2][2][0]["text"]) == ("form.notices", "Take great care.")


def test_the_order_of_flags_counts_because_the_first_ticked_one_names_the_target() -> None:
    flags = [{"code": "one", "label": "One"}, {"code": "two", "label": "Two"}]
    before = edited(lambda values: one(values, "services", "graffiti").update(flags=flags))
    after = edited(lambda values: one(values, "services", "graffiti").update(flags=flags[::-1]))

    assert differences(before, after).entries == (
        changed("service", "graffiti", "flags.order", ["one", "two"], ["two", "one"]),
    )


def test_two_parts_with_one_key_are_told_apart() -> None:
    twice = edited(lambda values: values["towns"].append(dict(values["towns"][0])))

    [difference] = differences(SAMPLE, twice).entries

    assert (difference.kind, difference.id, difference.what) == ("town", "oldbury (2)", "added")


def test_they_can_be_counted_and_picked_by_kind() -> None:
    all_found = differences(
        SAMPLE,
        edited(
            lambda values: values["systems"].pop(),
            lambda values: values.update(version="2027.1"),
            lambda values: one(values, "officers", "off-001").update(name="Ada Elm"),
        ),
    )

    assert all_found
    assert all_found.summary == "2 changed, 1 removed"
    assert (all_found.count("removed"), all_found.count("added")) == (1, 0)
    assert [each.id for each in all_found.of("officer")] == ["off-001"]
    assert all_found.of("officer", "added", "removed") == []
    assert Differences.model_validate_json(all_found.model_dump_json()) == all_found


LISTS = [name for name, value in SAMPLE.model_dump(mode="json").items() if isinstance(value, list) and value]
EDITS = st.tuples(
    st.sampled_from(LISTS), st.sampled_from(["drop", "swap", "twice", "date"]), st.integers(0, 99), st.integers(0, 99)
)


@given(st.lists(EDITS, max_size=4), st.booleans())
def test_there_is_a_difference_exactly_where_the_digests_differ(
    edits: list[tuple[str, str, int, int]],
    unseated: bool,  # noqa: FBT001  drawn
) -> None:
    def edit(values: Values) -> None:
        for name, kind, here, there in edits:
            parts = values[name]
            if not parts:
                continue
            first, second = here % len(parts), there % len(parts)
            if kind == "drop":
                del parts[first]
            elif kind == "twice":
                parts.append(copy.deepcopy(parts[first]))
            elif kind == "swap":
                swap(parts, first, second)
            elif "valid_to" in parts[first]:
                parts[first]["valid_to"] = "2090-01-01"
        if unseated and values["councillors"]:
            swap(values["councillors"][0]["seats"], 0, -1)

    other = edited(edit)
    forth, back = differences(SAMPLE, other), differences(other, SAMPLE)

    assert bool(forth) == bool(back) == (SAMPLE.digest() != other.digest())
    assert (forth.count("added"), forth.count("removed")) == (back.count("removed"), back.count("added"))
    assert forth.count("reordered") == back.count("reordered")


def test_a_person_reads_it_in_plain_words() -> None:
    page = shown(
        differences(
            SAMPLE,
            edited(
                lambda values: values.update(version="2027.1"),
                lambda values: values["calendar"]["holidays"].append("2027-06-11"),
                lambda values: values["councillors"][0]["seats"][0].update(valid_to="2026-05-10"),
                lambda values: one(values, "services", "graffiti").update(next_steps="We clean\nit off. " * 30),
                lambda values: one(values, "services", "pothole").update(triage=True),
                lambda values: swap(values["towns"], 0, 2),
                lambda values: values["systems"].pop(),
                lambda values: values["officers"].append(
                    {"id": "off-999", "name": "Ada [Elm]", "email": "ada@exampleton.example"}
                ),
            ),
        )
    )

    assert page.splitlines()[:2] == ["council: 1 changed", f"    version: {SAMPLE.version} -> 2027.1"]
    for line in (
        "    holidays: +2027-06-11",
        "  ~ cllr-001 abbey 2023-05-08",
        "    valid to: (none) -> 2026-05-10",
        "    triage: no -> yes",
        "  ~ the order: smethwick and others stand in another place",
        "  - sys-resident-portal: name Resident portal",
        "  + off-999: name Ada [Elm]; email ada@exampleton.example",
        "1 added, 5 changed, 1 removed, 1 reordered",
    ):
        assert line in page.splitlines(), page
    [next_steps] = [line for line in page.splitlines() if "next steps" in line]
    assert next_steps.startswith("    next steps: A crew removes it from public surfaces")
    assert " -> We clean it off. We clean" in next_steps
    assert len(next_steps) < 200


def test_nothing_is_said_to_be_nothing() -> None:
    assert not differences(SAMPLE, edited())
    assert shown(differences(SAMPLE, edited())) == "no difference\n"


@pytest.mark.parametrize("name", LISTS)
def test_every_kind_the_files_have_can_be_compared(name: str) -> None:
    """Whatever a council has in a list is a part with a key, so that a change of it has a name."""
    part = SAMPLE.model_dump(mode="json")[name][0]

    gone = [each.id for each in found(lambda values: values[name].pop(0)) if each.what == "removed"]

    assert str(part.get("id") or part["code"]) in gone


def shown(found: Differences) -> str:
    console = Console(width=120, file=StringIO(), record=True, soft_wrap=True)
    console.print(render(found))
    return console.export_text()
