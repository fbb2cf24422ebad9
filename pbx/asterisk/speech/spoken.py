"""Turn the plan's numbers and time limits into prompt ids to play in sequence."""

from __future__ import annotations

LAST_DIGIT, LAST_WORD, TWENTY, HUNDRED = 9, 12, 20, 100


def number(value: int) -> tuple[str, ...]:
    """Return the prompt ids for a number; from 100 up, digit by digit."""
    if value <= LAST_DIGIT:
        return (f"digit-{value}",)
    if value <= LAST_WORD:
        return (f"hour-{value}",)
    if value < TWENTY:
        return (f"number-{value}",)
    if value < HUNDRED:
        tens, rest = divmod(value, 10)
        return (f"number-{tens}0", *(number(rest) if rest else ()))
    return tuple(f"digit-{digit}" for digit in str(value))


def duration(minutes: int) -> tuple[str, ...]:
    """Return the prompt ids for a time in minutes, spoken as hours and minutes."""
    hours, rest = divmod(minutes, 60)
    said = (*number(hours), "hour" if hours == 1 else "hours") if hours else ()
    if rest or not hours:
        said = (*said, *number(rest), "minute" if rest == 1 else "minutes")
    return said


def call_back_within(seconds: int) -> tuple[str, ...]:
    """Return the prompt ids that promise a call back; rounded up, never sooner than the plan."""
    return ("call-back-within", *duration(-(-seconds // 60)))


def call_within(seconds: int) -> tuple[str, ...]:
    """Return the prompt ids that tell a physician how soon to call.

    Rounds down to whole minutes, so that it is never later than the plan allows, but never below 1.
    """
    return ("call-within", *duration(max(1, seconds // 60)))
