"""The one place that asks what time it is, always with its zone."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    return datetime.now(UTC)


def later(**span: float) -> datetime:
    return now() + timedelta(**span)
