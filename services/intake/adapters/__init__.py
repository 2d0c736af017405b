"""How intake's needs are met: the case file in MongoDB, and the desk that answers from it.

Nothing here decides: what a person may see or do comes from the domain.
"""

from services.intake.adapters.case_file import COLLECTIONS, MongoCaseFile, open_file
from services.intake.adapters.desk import CaseDesk

__all__ = ["COLLECTIONS", "CaseDesk", "MongoCaseFile", "open_file"]
