"""In which capacity a case is raised: as a ward councillor, or as a member of the cabinet for one of its portfolios.

Cabinet business names a ward, too, because every case lies somewhere; it may be any ward of the day.
"""

from datetime import date

from services.intake.domain import words
from shared.commands import RaiseCase, Refusal, refuse_invalid
from shared.council import Directory


def about_the_capacity(command: RaiseCase, directory: Directory, today: date) -> Refusal | None:
    """Refuse a capacity or portfolio that the councillor does not have on the day."""
    held = directory.portfolios_of(command.actor, today)
    if command.capacity == "ward":
        if command.portfolio is None:
            return None
        sentence = "A portfolio belongs to cabinet business: leave it out, or say `capacity: cabinet`."
        return refuse_invalid("portfolio-not-wanted", "portfolio", sentence)
    if not held:
        sentence = "You hold no post in the cabinet today: say `capacity: ward`."
        return Refusal(code="not-in-the-cabinet", kind="forbidden", field="capacity", sentence=sentence)
    names = {each.code: each.name for each in directory.council.portfolios if each.code in held}
    choice = words.named(names.items())
    if command.portfolio is None and len(held) > 1:
        return refuse_invalid("which-portfolio", "portfolio", f"You hold several portfolios: choose among {choice}.")
    if command.portfolio is not None and command.portfolio not in held:
        sentence = f"You do not hold this portfolio today: choose among {choice}."
        return refuse_invalid("not-your-portfolio", "portfolio", sentence)
    return None


def portfolio_of(command: RaiseCase, directory: Directory, today: date) -> str | None:
    """Give the portfolio a case belongs to: the one that is named, or the only one the councillor holds."""
    if command.capacity == "ward":
        return None
    return command.portfolio or next(iter(directory.portfolios_of(command.actor, today)), None)
