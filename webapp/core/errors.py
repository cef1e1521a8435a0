"""What can go wrong, in words for a person and a stable code for a program.

Each class is one kind of answer; `webapp.errors` gives it its HTTP face. The message says what to do next.
"""


class DomainError(Exception):
    code = "error"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.field = field


class NotFound(DomainError):
    code = "not_found"


class Invalid(DomainError):
    code = "invalid"


class TooLarge(Invalid):
    code = "too_large"


class UnsupportedType(Invalid):
    code = "unsupported_type"


class Malformed(DomainError):
    """It does not even have the form of what it should be."""

    code = "malformed"


class Conflict(DomainError):
    code = "conflict"


class NotSignedIn(DomainError):
    code = "not_signed_in"


class Refused(DomainError):
    """The caller is known or does not matter: this request is not allowed in this form."""

    code = "refused"


class Unavailable(DomainError):
    """A part we lean on is away; the same request may pass later."""

    code = "unavailable"


class JobFailed(Exception):
    """The work on a job cannot go on. `permanent` decides whether another attempt makes sense."""

    def __init__(self, code: str, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.permanent = permanent


# Failures that lie in the recording itself: the same file fails again.
LASTING = frozenset(
    {
        "channels",
        "empty_file",
        "no_sound_track",
        "nothing_decoded",
        "sample_rate",
        "too_long",
        "unknown_codec",
        "unknown_format",
        "upload_missing",
    }
)


class LeaseLost(Exception):
    """Somebody else holds the job now, or it was cancelled or deleted: nothing more may be written."""
