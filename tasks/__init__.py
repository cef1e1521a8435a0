"""The worker: takes jobs from the queue, listens to recordings, writes down what is said."""

from typing import Any


def settings() -> Any:
    """What `saq tasks.settings` runs. Imported late: the engine's process is of this package too, and needs
    neither the queue nor the database."""
    from tasks.worker import settings as saq_settings

    return saq_settings()
