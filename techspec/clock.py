"""The time of day, in one form everywhere: UTC, to the millisecond, as ISO 8601 text."""

from datetime import UTC, datetime


def now() -> str:
    """The moment, such as `2026-11-02T10:15:30.120Z`."""
    return text_of(datetime.now(UTC))


def text_of(moment: datetime) -> str:
    """A moment as the ledger writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one such text to the other; negative when they are the other way round."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
