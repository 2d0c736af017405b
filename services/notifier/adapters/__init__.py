"""How the notifier's needs are met: MongoDB, SMTP, a webhook and Jinja templates.

Adapters translate; they never decide who is told of what.
"""

from services.notifier.adapters.calls import DirectoryCallWriter, WebhookDutyCaller
from services.notifier.adapters.counts import CallCounts, PrometheusCounts, SetChannels
from services.notifier.adapters.letters import TemplateLetterWriter, UnsafeHeader, check_header
from services.notifier.adapters.notice_book import NOTICES, MongoNoticeBook
from services.notifier.adapters.postbox import SmtpPostbox, StartTls

__all__ = [
    "NOTICES",
    "CallCounts",
    "DirectoryCallWriter",
    "MongoNoticeBook",
    "PrometheusCounts",
    "SetChannels",
    "SmtpPostbox",
    "StartTls",
    "TemplateLetterWriter",
    "UnsafeHeader",
    "WebhookDutyCaller",
    "check_header",
]
