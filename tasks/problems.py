"""What a child cannot go on with, in words for the person whose recording it is."""

import errno
import logging

from tasks.protocol import Failed

log = logging.getLogger(__name__)

OUT_OF_MEMORY = ("out of memory", "bad_alloc", "failed to allocate", "bad allocation", "cannot allocate")
DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO})
NO_ROOM = "The worker has no room to keep the recording while it works. Tell whoever runs this server."


class ChildError(Exception):
    """`permanent`: another attempt would end in the same way."""

    def __init__(self, code: str, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.permanent = permanent


def failure(error: Exception) -> Failed:
    if isinstance(error, ChildError):
        return Failed(code=error.code, message=error.message, permanent=error.permanent)
    if is_out_of_memory(error):
        return Failed(code="out_of_memory", message=_NO_MEMORY, permanent=False)
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        return Failed(code="worker_disk", message=NO_ROOM, permanent=False)
    log.error("A request failed", exc_info=error)
    return Failed(code="engine_failed", message=_STUMBLED, permanent=False)


def is_out_of_memory(error: Exception) -> bool:
    """Native code says it in its own words."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in OUT_OF_MEMORY)


_NO_MEMORY = (
    "This recording or model needs more memory than one job gets on this server. Choose a smaller model, or"
    " save the recording in another format, and try again."
)
_STUMBLED = (
    "The worker stumbled over this recording. Try again; if it happens once more, save the recording in"
    " another format and upload that."
)
