"""An answer of ModernGov for the sample council: 24 wards of three, made the same way every time."""

from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

from shared.council import load_bundle

SAMPLE = Path(__file__).parents[3] / "council"
PARTIES = ("Labour", "Labour Party", "The Labour Party", "LABOUR", "Conservative Party", "Liberal Democrats")
TITLES = ("Councillor ", "Cllr ", "")


@dataclass(frozen=True)
class Listed:
    """A member as the answer lists them."""

    id: int
    name: str
    ward: str
    email: str
    party: str = "Labour"
    begins: str = "08/05/2023"
    posts: str = ""


def sample_members() -> list[Listed]:
    """List the members of the sample council, as its own site would."""
    council = load_bundle(SAMPLE)
    wards = {ward.code: ward.name for ward in council.wards}
    found = []
    for number, councillor in enumerate(council.councillors):
        seat = next(seat for seat in councillor.seats if seat.valid_to is None)
        begins = f"{seat.valid_from:%d/%m/%Y}" if seat.valid_from else "unspecified"
        listed = Listed(5000 + number, TITLES[number % 3] + councillor.name, wards[seat.ward], councillor.email)
        found.append(replace(listed, begins=begins, party=PARTIES[number % len(PARTIES)]))
    return found


def answer(members: list[Listed], vacant: dict[str, int] | None = None) -> bytes:
    """Write the answer: ward titles with `&`, counts with a blank, a home address for everybody."""
    wards: dict[str, list[Listed]] = {}
    for member in members:
        wards.setdefault(member.ward, []).append(member)
    for title in vacant or {}:
        wards.setdefault(title, [])
    body = "".join(_ward(title, here, (vacant or {}).get(title, 0)) for title, here in sorted(wards.items()))
    text = f"""<?xml version="1.0" encoding="utf-8"?>
<councillorsbyward>
  <wards>
{body}  </wards>
</councillorsbyward>
"""
    return text.encode("utf-8")


def _ward(title: str, members: list[Listed], vacant: int) -> str:
    seats = "".join(map(_member, members)) + _EMPTY * vacant
    return f"""    <ward>
      <wardtitle>{escape(title.replace(" and ", " & "))}</wardtitle>
      <councillors>
        <councillorcount> {len(members) + vacant}</councillorcount>
{seats}      </councillors>
    </ward>
"""


_EMPTY = """        <councillor>
          <councillorid>
          </councillorid>
          <fullusername>Vacant seat</fullusername>
        </councillor>
"""


def _member(member: Listed) -> str:
    return f"""        <councillor>
          <councillorid>{member.id}</councillorid>
          <fullusername>{escape(member.name)}</fullusername>
          <politicalpartytitle>{escape(member.party)}</politicalpartytitle>
          <keyposts>{escape(member.posts)}</keyposts>
          <workaddress>
            <line1>Town Hall</line1>
            <phone>01632 960100</phone>
            <email>{member.email}</email>
          </workaddress>
          <homeaddress>
            <line1>{member.id} Private Lane</line1>
            <phone>01632 960900</phone>
          </homeaddress>
          <termsofoffice>
            <termofoffice>
              <startdate>{member.begins}</startdate>
              <enddate>unspecified</enddate>
            </termofoffice>
          </termsofoffice>
        </councillor>
"""
