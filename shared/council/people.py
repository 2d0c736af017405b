"""The people of a council and what they may do: who sits where, who works where, who was granted what."""

from typing import Literal, Self

from pydantic import Field, model_validator

from shared.council.base import CouncillorId, Dated, Email, Line, OfficerId, Slug, SystemId

Role = Literal[
    "officer",
    "manager",
    "democratic-services",
    "service-owner",
    "auditor",
    "operator",
    "cabinet-secretary",
    "subscriber",
    "councillor",
    "cabinet-member",
]
"""What somebody may be (domain 2.3 and E3). The last two are nobody's to grant: they follow from a seat and a post."""

GrantedRole = Literal[
    "officer",
    "manager",
    "democratic-services",
    "service-owner",
    "auditor",
    "operator",
    "cabinet-secretary",
    "subscriber",
]
EndReason = Literal["defeat", "resigned", "died", "stood-down", "boundary"]

TEAM_ROLES: frozenset[str] = frozenset({"officer", "manager"})
"""Roles held in a team; the others hold for the whole council."""


class Seat(Dated):
    """One councillor's seat in one ward, from election to end of term."""

    ward: Slug
    end_reason: EndReason | None = None
    """Why the term ended, where that is known."""


class Councillor(Dated):
    """An elected member, with every seat held or once held."""

    id: CouncillorId
    title: Line = "Councillor"
    name: Line
    email: Email
    party: Line | None = None
    external_id: Slug | None = None
    """The id in the system the member was imported from: ModernGov's `councillorid`."""
    seats: tuple[Seat, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it stands in a letter, title first."""
        return f"{self.title} {self.name}"


class Officer(Dated):
    """A member of staff. What an officer may do is said by grants alone."""

    id: OfficerId
    name: Line
    email: Email

    @property
    def full_name(self) -> str:
        """The name as it stands in a letter."""
        return self.name


class ListeningSystem(Dated):
    """Another system of the council that reads case events with an identity of its own."""

    id: SystemId
    name: Line

    @property
    def full_name(self) -> str:
        """The name as it stands in a list."""
        return self.name


class Grant(Dated):
    """A role given to somebody for a time: to officers in a team, or for the whole council."""

    id: Slug
    person: OfficerId | SystemId
    role: GrantedRole
    team: Slug | None = None
    granted_by: Line | None = None
    """Who decided it, for the record."""

    @model_validator(mode="after")
    def _a_role_stands_where_it_belongs(self) -> Self:
        if (self.role in TEAM_ROLES) != (self.team is not None):
            raise ValueError("officer and manager are roles in a team: name it; every other role has no team")
        if (self.role == "subscriber") != self.person.startswith("sys-"):
            raise ValueError("subscriber is the role of a system (sys-…), and the only one a system can have")
        return self


class Portfolio(Dated):
    """A field of responsibility in the cabinet."""

    code: Slug
    name: Line
    services: tuple[Slug, ...] = ()
    departments: tuple[Slug, ...] = ()


class CabinetPost(Dated):
    """Who holds a portfolio, and when."""

    id: Slug
    portfolio: Slug
    councillor: CouncillorId


class Delegation(Dated):
    """The right of a cabinet secretary to act for a cabinet member, in some portfolios only."""

    id: Slug
    principal: CouncillorId
    delegate: OfficerId
    portfolios: tuple[Slug, ...] = Field(min_length=1)
    granted_by: Line | None = None
