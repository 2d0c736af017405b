"""What the council says of itself to those who are signed in: impacts, reasons, and places outside that help."""

from datetime import date

from pydantic import BaseModel

from services.gateway.routes.catalogue import ImpactOut
from shared.council import Directory


class ReasonOut(BaseModel):
    """A reason that can be given."""

    id: str
    label: str


class SignpostOut(BaseModel):
    """A place outside casework that helps, with an address for each ward where it has one."""

    id: str
    title: str
    summary: str
    category: str
    urls: tuple[str, ...]


class CouncilOut(BaseModel):
    """The council as published now."""

    code: str
    name: str
    version: str
    number: int
    """Number of the published version: each decision names the one it was taken under."""
    impacts: tuple[ImpactOut, ...]
    """How much a case can weigh, with the definition to show next to the choice."""
    return_reasons: tuple[ReasonOut, ...]
    """Reasons a team can give for returning a case."""
    signposts: tuple[SignpostOut, ...]


def council_out(directory: Directory, wards: tuple[str, ...], today: date) -> CouncilOut:
    """Describe the council to somebody who serves these wards."""
    council = directory.council
    return CouncilOut(
        code=council.code,
        name=council.name,
        version=council.version,
        number=directory.number,
        impacts=tuple(ImpactOut(**each.model_dump()) for each in council.impacts),
        return_reasons=tuple(ReasonOut(id=each.id, label=each.label) for each in directory.reasons("return", today)),
        signposts=tuple(
            SignpostOut(
                id=each.id,
                title=each.title,
                summary=each.summary,
                category=each.category,
                urls=_addresses(each.url, wards),
            )
            for each in council.signposts
            if each.holds_on(today)
        ),
    )


def _addresses(url: str, wards: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(url.replace("{ward}", ward) for ward in wards) if "{ward}" in url else (url,)
