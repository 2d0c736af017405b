"""The Local Government Service List: labels for the catalogue, and what the list no longer has."""

import csv
import io
from pathlib import Path

import pytest

from ops.importing.flow import rehearse
from ops.importing.flow import write as write_files
from ops.importing.lgsl import merge_lgsl, read_lgsl, shortened
from ops.importing.proposal import Proposal
from ops.importing.refusals import ImportRefused
from ops.importing.source import Fetched
from shared.council import load_bundle
from tests.ops.importing.councils import shown, write
from tests.shared.small_council import FILES

SAMPLE = Path(__file__).parents[3] / "council"
SERVICES = FILES["services.yaml"].replace("    name: Litter\n", "    name: Litter\n    lgsl: 580\n")
TREES = SERVICES.replace("    name: Trees\n", "    name: Trees\n    lgsl: 505\n")


def the_list(*rows: tuple[int, str, str, str]) -> Fetched:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(
        [("Identifier", "Label", "Status", "Description", "Type"), *((*row, "Service") for row in rows)]
    )
    return Fetched(written.getvalue().encode("utf-8-sig"), "lgsl.csv")


LIST = the_list(
    (580, "Litter removal", "Live", "Sweeping of streets\nand  removal of litter."),
    (505, "Tree management", "Discontinued", "Trees."),
    (587, "Flytipping", "Live", "Reports of flytipping."),
)


def proposed(folder: Path, source: Fetched = LIST, *, whole: bool = False) -> Proposal:
    return merge_lgsl(load_bundle(folder), folder, read_lgsl(source), whole=whole)


def test_the_services_of_the_catalogue_get_their_lines(tmp_path: Path) -> None:
    folder = write(tmp_path, services_yaml=SERVICES)

    rehearsed = rehearse(folder, proposed(folder))

    assert rehearsed.texts == {
        "lgsl.csv": "id,label,description\n580,Litter removal,Sweeping of streets and removal of litter.\n"
    }
    assert shown(rehearsed.differences) == (
        "added: LGSL entry 580: label Litter removal; description Sweeping of streets and removal of litter.\n"
    )


def test_the_whole_list_is_taken_where_asked_but_for_what_is_no_longer_live(tmp_path: Path) -> None:
    folder = write(tmp_path, services_yaml=SERVICES)

    rehearsed = rehearse(folder, proposed(folder, whole=True))

    assert [entry.id for entry in rehearsed.council.lgsl] == [580, 587]


def test_importing_the_list_twice_changes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, services_yaml=TREES)
    write_files(rehearse(folder, proposed(folder, whole=True)))

    assert not rehearse(folder, proposed(folder, whole=True)).texts


def test_a_changed_label_changes_and_a_line_the_list_no_longer_has_stays(tmp_path: Path) -> None:
    kept = "id,label,description\n580,Litter,\n9,Gone,\n"
    folder = write(tmp_path, services_yaml=SERVICES, lgsl_csv=kept)

    proposal = proposed(folder)

    assert rehearse(folder, proposal).texts["lgsl.csv"].splitlines()[1:] == [
        "580,Litter removal,Sweeping of streets and removal of litter.",
        "9,Gone,",
    ]
    assert proposal.told == ["lgsl.csv holds what the list does not: 9; kept"]


def test_a_service_is_named_whose_id_the_list_no_longer_has(tmp_path: Path) -> None:
    kept = "id,label\n580,Litter\n505,Trees\n"
    folder = write(tmp_path, services_yaml=TREES, lgsl_csv=kept)

    proposal = proposed(folder, the_list((505, "Tree management", "Discontinued", "")))

    assert proposal.told == [
        "service 'litter': lgsl 580 is not in the list: see services.yaml",
        "service 'trees': lgsl 505 is no longer live in the list: see services.yaml",
    ]


def test_a_service_whose_id_is_nowhere_is_refused_whole(tmp_path: Path) -> None:
    folder = write(tmp_path, services_yaml=TREES)

    proposal = proposed(folder, the_list((580, "Litter removal", "Live", "")))

    assert proposal.told == ["service 'trees': lgsl 505 is not in the list, nor in lgsl.csv: see services.yaml"]
    with pytest.raises(ValueError, match="there is no LGSL entry 505"):
        rehearse(folder, proposal)


def test_every_service_of_the_sample_names_a_line_of_the_real_list() -> None:
    council = load_bundle(SAMPLE)

    assert {service.lgsl for service in council.services if service.lgsl} <= {entry.id for entry in council.lgsl}
    assert len(council.lgsl) >= 60
    assert all(entry.description and len(entry.description) <= 200 for entry in council.lgsl)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("One. Two.", "One. Two."),
        ("A" * 90 + ". " + "B" * 200, "A" * 90 + "."),
        ("A. " + "word " * 60, "A. " + "word " * 38 + "word\u2026"),
    ],
)
def test_a_long_description_is_cut_at_a_sentence_or_a_word(text: str, short: str) -> None:
    assert shortened(text) == short
    assert len(shortened(text)) <= 200


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "column Identifier, Label is missing"),
        (b"LGSL,Description\n1,x\n", "column Identifier, Label is missing"),
        (b"Identifier,Label\n", "it lists no service"),
        (b"Identifier,Label\nx,Litter\n", "line 2: no Identifier"),
        (b"Identifier,Label\n1\n", "line 2: no Identifier"),
        (b"Identifier,Label\n10000,Litter\n", "line 2: no Identifier"),
        (b'Identifier,Label\n1,"Litter\n', "is not CSV"),
        (b"\n <!doctype html>", "this is a web page or XML"),
    ],
)
def test_what_is_not_the_list_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        read_lgsl(Fetched(content, "lgsl.csv"))

    assert why in str(refused.value)
