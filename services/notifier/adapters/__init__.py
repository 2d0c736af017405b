"""How the notifier's needs are met: MongoDB, SMTP and Jinja templates.

Adapters translate; they never decide who is told of what.
"""

from services.notifier.adapters.counts import PrometheusCounts
from services.notifier.adapters.letters import TemplateLetterWriter, UnsafeHeader, check_header
from services.notifier.adapters.notice_book import NOTICES, MongoNoticeBook
from services.notifier.adapters.postbox import SmtpPostbox, StartTls

__all__ = [
    "NOTICES",
    "MongoNoticeBook",
    "PrometheusCounts",
    "SmtpPostbox",
    "StartTls",
    "TemplateLetterWriter",
    "UnsafeHeader",
    "check_header",
]
