"""What a councillor can choose, and how it travels: services, routing rules, reasons, texts, features, signposts."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.calendar import Target
from shared.council.base import (
    CouncillorId,
    CouncilModel,
    Dated,
    Line,
    Prose,
    Slug,
    TargetText,
    parse_target,
)
from shared.council.forms import Form
from shared.events.routing import SUGGESTED

ServiceKind = Literal["case", "report", "signpost"]
Capacity = Literal["ward", "cabinet"]
Impact = Literal["routine", "daily-life", "safeguarding", "danger"]
"""How much it weighs for those concerned (domain A9); the last two make a case urgent and can route it."""

URGENT_IMPACTS: frozenset[str] = frozenset({"safeguarding", "danger"})
CATALOGUE_LISTS = ("return",)
"""The lists of reasons the programs know."""


class ImpactChoice(CouncilModel):
    """An impact as the councillor sees it: what it means, and what to do first."""

    code: Impact
    label: Line
    definition: Prose
    notice: Prose | None = None
    """Shown first: for safeguarding the statutory route, for danger the emergency number."""


class LgslEntry(CouncilModel):
    """A line of the Local Government Service List."""

    id: int = Field(ge=1, le=9999)
    label: Line
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)] = ""


class ServiceFlag(CouncilModel):
    """Something a councillor may tick when choosing a service, which may route it elsewhere or make it faster."""

    code: Slug
    label: Line
    danger: bool = False
    acknowledge: TargetText | None = None
    answer: TargetText | None = None


class ServiceType(Dated):
    """A service a councillor can choose, with the time the council allows itself.

    `autoclose_days` are working days after the answer or completion; None means that no timer ever closes it.
    Flags stand in order of urgency: the first ticked flag that names a target replaces the service's own.
    """

    code: Slug
    name: Line
    kind: ServiceKind
    synonyms: tuple[Line, ...] = ()
    lgsl: int | None = Field(default=None, ge=1, le=9999)
    acknowledge: TargetText | None = "1wd"
    answer: TargetText | None = None
    autoclose_days: int | None = Field(default=None, ge=1, le=260)
    danger: bool = False
    location_required: bool = False
    triage: bool = False
    signpost: Prose | None = None
    next_steps: Prose | None = None
    """What happens after it has been raised, in the words of the team."""
    flags: tuple[ServiceFlag, ...] = ()
    form: Form | None = None

    @model_validator(mode="after")
    def _the_kind_has_what_it_needs(self) -> Self:
        if self.kind == "signpost":
            if self.signpost is None:
                raise ValueError("a service of kind signpost needs the text `signpost` that says whom to contact")
            if self.danger or self.flags or self.answer or self.form:
                raise ValueError(
                    "a service of kind signpost is not ours: it has no danger, no flags, no form and no answer target"
                )
        elif self.answer is None or self.acknowledge is None:
            raise ValueError("a case or report needs both targets, `acknowledge` and `answer`, such as 1wd and 10wd")
        if self.danger and self.form and self.form.stops:
            raise ValueError(
                "danger is always taken in: say in a notice of kind emergency what a `stop` of the form says"
            )
        codes = [flag.code for flag in self.flags]
        if len(codes) != len(set(codes)):
            raise ValueError("two flags of this service have the same code")
        return self

    def is_danger(self, flags: frozenset[str] = frozenset()) -> bool:
        """Say whether a case of this service with these flags is dangerous, and so goes by the urgent lane."""
        return self.danger or any(flag.danger for flag in self.flags if flag.code in flags)

    def acknowledge_target(self, flags: frozenset[str] = frozenset()) -> Target | None:
        """Give the time to acknowledge a case with these flags; None for a signpost."""
        text = next((f.acknowledge for f in self.flags if f.code in flags and f.acknowledge), self.acknowledge)
        return parse_target(text) if text and self.kind != "signpost" else None

    def answer_target(self, flags: frozenset[str] = frozenset()) -> Target | None:
        """Give the time to answer or complete a case with these flags; None for a signpost."""
        text = next((f.answer for f in self.flags if f.code in flags and f.answer), self.answer)
        return parse_target(text) if text else None


def _with_a_time_there_is(text: str) -> str:
    """Refuse a time such as 0wd: routing could not say it, and no case of the service would get to a team."""
    _, _, target = text.partition(":")
    if target:
        parse_target(target)
    return text


Also = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(:[0-9]+(wd|h|m))?$", max_length=70),
    AfterValidator(_with_a_time_there_is),
]
"""A second team with a part of the case, and the time for that part: `drainage` or `drainage:5wd`."""


class RoutingRule(Dated):
    """Which team answers for a service, under a condition.

    A condition names a ward or a town (or neither: everywhere), flags that must all be ticked (or none: always), and a
    capacity (or none: any). Beside the service's own flags a rule may name the impacts `danger` and `safeguarding`.
    """

    id: Slug
    service: Slug
    ward: Slug | None = None
    town: Slug | None = None
    flags: tuple[Slug, ...] = ()
    capacity: Capacity | None = None
    team: Slug
    also: tuple[Also, ...] = Field(default=(), max_length=5)
    """Teams that get a part of every such case, each with a time of its own."""

    @model_validator(mode="after")
    def _a_place_is_named_once(self) -> Self:
        if self.id == SUGGESTED:
            raise ValueError(f"the id {SUGGESTED} is taken: it stands for a team that a returning team named")
        if self.ward and self.town:
            raise ValueError("a rule names a ward or a town, not both: the ward already says the town")
        teams = [self.team, *(each.partition(":")[0] for each in self.also)]
        if len(teams) != len(set(teams)):
            raise ValueError("a team stands twice in `team` and `also`: each has one part of a case")
        return self

    @property
    def specificity(self) -> tuple[int, int, int]:
        """How narrow the condition is: more flags first, then ward before town before everywhere, then a capacity."""
        return len(set(self.flags)), 2 if self.ward else 1 if self.town else 0, 1 if self.capacity else 0

    def matches(  # noqa: PLR0913  the inputs of a routing decision, each by its name
        self,
        *,
        service: str,
        ward: str | None,
        town: str | None,
        flags: frozenset[str],
        on: date,
        capacity: str = "ward",
    ) -> bool:
        """Say whether the rule's condition holds for a case, whatever other rules say."""
        return (
            self.service == service
            and self.ward in {None, ward}
            and self.town in {None, town}
            and self.capacity in {None, capacity}
            and flags.issuperset(self.flags)
            and self.holds_on(on)
        )


class ReasonCode(Dated):
    """A reason somebody can give, as one of a list."""

    id: Slug
    list: Literal["return"]
    label: Line


class MailText(Dated):
    """The council's own words for a mail, in place of those the notifier comes with."""

    id: Slug
    template: Slug
    """Which mail, e.g. `receipt-owner`."""
    subject: Line
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]
    """Paragraphs with placeholders in braces, such as `{reference}`."""


class Signpost(Dated):
    """A place outside casework that helps, shown to members for their wards."""

    id: Slug
    title: Line
    summary: Prose
    category: Literal["crime-map", "planning", "asb", "faq", "press", "public-health", "find-my-nearest", "partner"]
    url: Annotated[str, StringConstraints(pattern=r"^https://[^\s<>\"']+$", max_length=500)]
    """An address; `{ward}` in it stands for the code of a ward."""


class Feature(Dated):
    """Something that part of the council uses first: switched by member, by ward, and by date.

    While a feature is off for a councillor, the commands it names are not offered on the cases they raise. A case keeps
    the features it was raised under. Commands no feature names are everybody's.
    """

    code: Slug
    name: Line
    commands: tuple[Slug, ...] = Field(min_length=1)
    everybody: bool = False
    members: tuple[CouncillorId, ...] = ()
    wards: tuple[Slug, ...] = ()

    def is_on(self, councillor: str, wards: frozenset[str], on: date) -> bool:
        """Say whether a councillor with these wards has the feature on a date."""
        cohort = self.everybody or councillor in self.members or not wards.isdisjoint(self.wards)
        return cohort and self.holds_on(on)
