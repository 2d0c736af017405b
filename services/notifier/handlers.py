"""What the notifier does when something happens to a case: it notes who is to be told.

A handler never sends. It returns notices, each under an id of its own: a redelivered event adds only what is missing.
"""

from services.notifier.domain import Notice, notices_for
from services.notifier.ports import Channels
from shared.council import Directory
from shared.events import (
    CaseAcknowledged,
    CaseAlerted,
    CaseAnswered,
    CaseAssigned,
    CaseAutocloseExtended,
    CaseAutocloseWarned,
    CaseCcAdded,
    CaseCcRemoved,
    CaseClosed,
    CaseCommitted,
    CaseCompleted,
    CaseEvent,
    CaseHandoverOffered,
    CaseOverdue,
    CaseOwnerChanged,
    CaseProgressed,
    CaseRaised,
    CaseReturned,
    CaseRouted,
    CaseTaskAnswered,
    CaseTaskOpened,
    CaseTriageNeeded,
)
from shared.plumbing.envelope import Envelope
from shared.plumbing.handling import Handlers

handlers = Handlers()

NOTICES = "notices"


def _notices(event: CaseEvent, message: Envelope, directory: Directory) -> list[Notice]:
    return notices_for(
        event,
        event_id=message.id,
        caseseq=message.caseseq,
        correlation=message.correlation or message.id,
        directory=directory,
    )


@handlers.into(NOTICES)
def send_receipt(event: CaseRaised, message: Envelope, directory: Directory) -> list[Notice]:
    """Send the owner and the colleagues copied in a receipt."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_the_team(event: CaseRouted, message: Envelope, directory: Directory, channels: Channels) -> list[Notice]:
    """Tell the team that the case is theirs; of danger, its duty inbox as well, and call whoever is on duty."""
    return channels.usable(_notices(event, message, directory))


@handlers.into(NOTICES)
def ask_triage(event: CaseTriageNeeded, message: Envelope, directory: Directory, channels: Channels) -> list[Notice]:
    """Ask the triage team to decide where the case goes; of danger, call whoever is on duty there."""
    return channels.usable(_notices(event, message, directory))


@handlers.into(NOTICES)
def pass_over_return(event: CaseReturned, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell nobody: routing decides again, and whoever gets the case next is told."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_assignment(
    event: CaseAssigned, message: Envelope, directory: Directory, channels: Channels
) -> list[Notice]:
    """Tell the new team that the case is theirs, and the owner who has it now; of danger, call whoever is on duty."""
    return channels.usable(_notices(event, message, directory))


@handlers.into(NOTICES)
def tell_the_partner(event: CaseTaskOpened, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell another team that it has a part of the case."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_part_done(event: CaseTaskAnswered, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell the team that leads that another has done its part."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def alert_duty(event: CaseAlerted, message: Envelope, directory: Directory, channels: Channels) -> list[Notice]:
    """Tell the duty inbox that nobody has taken a danger on, and call the officer named."""
    return channels.usable(_notices(event, message, directory))


@handlers.into(NOTICES)
def offer_handover(event: CaseHandoverOffered, message: Envelope, directory: Directory) -> list[Notice]:
    """Ask colleagues whether they take the case over, and tell Democratic Services."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_new_owner(event: CaseOwnerChanged, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell the new owner, the team, and one last time whoever had the case."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_acknowledgement(event: CaseAcknowledged, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell the owner that the team has taken the case on."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_progress(event: CaseProgressed, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell the owner and the colleagues copied in that there is news."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_commitment(event: CaseCommitted, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell everybody, the team included, which date was promised."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_answer(event: CaseAnswered, message: Envelope, directory: Directory) -> list[Notice]:
    """Ask the owner to look at the final response; tell the colleagues copied in."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_completion(event: CaseCompleted, message: Envelope, directory: Directory) -> list[Notice]:
    """Ask the owner to look at the finished job; tell the colleagues copied in."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def pass_over_extension(event: CaseAutocloseExtended, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell nobody: the owner did it."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def warn_of_autoclose(event: CaseAutocloseWarned, message: Envelope, directory: Directory) -> list[Notice]:
    """Warn the owner that the case will close by itself."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_overdue(event: CaseOverdue, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell the owner and the team that a date has passed; of danger, the duty inbox as well."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_the_colleague(event: CaseCcAdded, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell the colleague just copied in, at once."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def pass_over_removal(event: CaseCcRemoved, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell nobody: the colleague's notices end."""
    return _notices(event, message, directory)


@handlers.into(NOTICES)
def tell_of_closing(event: CaseClosed, message: Envelope, directory: Directory) -> list[Notice]:
    """Tell everybody that the case is closed."""
    return _notices(event, message, directory)
