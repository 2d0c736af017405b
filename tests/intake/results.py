"""What a decision gave: the fact or facts where it was a yes, the refusal where it was a no."""

from shared.commands import Refusal
from shared.events import Event, Fact


def events(facts: object) -> list[Event]:
    """Read a yes."""
    assert isinstance(facts, tuple), facts
    return [fact.event if isinstance(fact, Fact) else fact for fact in facts]


def the_fact(facts: object) -> Event:
    """Read a yes of one fact."""
    (fact,) = events(facts)
    return fact


def refused(result: object) -> Refusal:
    """Read a no."""
    assert isinstance(result, Refusal), result
    return result
