"""Where a page of jobs ended, as text that callers hand back unread."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from uuid import UUID

from webapp.core.errors import Invalid


def write(job: UUID | None) -> str | None:
    return None if job is None else urlsafe_b64encode(job.bytes).decode().rstrip("=")


def read(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        return UUID(bytes=urlsafe_b64decode(f"{cursor}=="))
    except (ValueError, Error):
        raise Invalid(
            "That cursor is not one of ours. Take `next_cursor` of the page before, or start without one.",
            code="bad_cursor",
            field="cursor",
        ) from None
