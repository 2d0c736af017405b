"""A council to import into: three wards of two seats, five members, one seat vacant, one former member."""

from datetime import date
from pathlib import Path

from ops.council.diff import Change, Differences
from ops.importing.flow import Rehearsed, rehearse
from ops.importing.merging import merge_members
from ops.importing.modern_gov import read_modern_gov
from ops.importing.proposal import Asked, Proposal
from ops.importing.source import Fetched
from shared.council import BundleRefused, load_bundle
from tests.shared.small_council import FILES

TODAY = date(2026, 11, 25)
CORPUS = Path(__file__).parent / "corpus"
OWN = {
    "wards.csv": """\
code,name,town,gss,seats,successors,valid_from,valid_to
east,East,smallham,E05000001,2,,,
west,West,smallham,,2,,2004-06-10,
st-pauls-and-lea,St Paul's and Lea,smallham,,2,,2004-06-10,
north,North,smallham,,1,st-pauls-and-lea,2004-06-10,2022-05-08
""",
    "councillors.csv": """\
id,title,name,email,party,external_id,valid_from,valid_to
cllr-001,Councillor,Ada Elm,ada.elm@smallham.example,Labour,101,,
cllr-002,Councillor,Ben Oak,ben.oak@smallham.example,Green,102,,
cllr-003,Councillor,Cat Rowan,cat.rowan@smallham.example,,,,
cllr-004,Councillor,Dov Hazel,dov.hazel@smallham.example,,,,
cllr-005,Councillor,Eve Alder,eve.alder@smallham.example,Independent,105,,
cllr-006,Councillor,Fay Birch,fay.birch@smallham.example,Labour,106,,
""",
    "seats.csv": """\
councillor,ward,end_reason,valid_from,valid_to
cllr-001,east,,2023-05-08,
cllr-002,east,,2024-05-06,
cllr-003,west,,2023-05-08,
cllr-004,west,,2024-05-06,
cllr-005,st-pauls-and-lea,,2022-05-09,
cllr-006,north,boundary,2018-05-07,2022-05-08
""",
    "cabinet.yaml": """\
portfolios:
  - code: leader
    name: Leader
  - code: housing
    name: Housing
posts:
  - id: leader-1
    portfolio: leader
    councillor: cllr-001
""",
}


def write(folder: Path, **texts: str) -> Path:
    """Write the council; a text replaces the file of its name, `_` for the dot."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {name.replace("_", "."): text for name, text in texts.items()}
    for name, text in {**FILES, **OWN, **given}.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    return folder


def propose(folder: Path, content: bytes, asked: Asked | None = None) -> Proposal:
    """Import an answer of ModernGov as far as a person would be asked."""
    roll = read_modern_gov(Fetched(content, "members.xml"))
    return merge_members(load_bundle(folder), folder, roll, asked or Asked(TODAY))


def imported(folder: Path, content: bytes, asked: Asked | None = None) -> tuple[Proposal, Rehearsed]:
    """Import an answer of ModernGov and try what it makes."""
    proposal = propose(folder, content, asked)
    return proposal, rehearse(folder, proposal)


def outcome_of(folder: Path, content: bytes, asked: Asked | None = None) -> str:
    """Say what an import would do, in the words a person reads."""
    try:
        proposal, rehearsed = imported(folder, content, asked)
    except BundleRefused as error:
        return "".join(f"broken: {problem}\n" for problem in error.problems)
    kinds = {"to know": proposal.told, "suggested": proposal.suggested, "left out": proposal.left_out}
    lines = [f"{kind}: {line}\n" for kind, found in kinds.items() for line in found]
    return shown(rehearsed.differences) + "".join(lines)


def shown(found: Differences) -> str:
    """Write differences a part a line."""
    if not found:
        return "nothing to change\n"
    return "".join(
        f"{each.what}: {each.kind} {each.id}: {'; '.join(map(_step, each.changes))}\n" for each in found.entries
    )


def _step(change: Change) -> str:
    return f"{change.field} {change.new if change.old is None else f'{change.old} -> {change.new}'}"
