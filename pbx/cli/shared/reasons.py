"""Check the reasons that people give for changes, which are stored with the change."""

from __future__ import annotations

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within

LONGEST_REASON = 200


def reason_of(text: str, country: str, option: str = "--reason", *, needed: bool = True) -> str:
    """Return a reason as one printable line with masked numbers; OfficeLineError if bad."""
    words = " ".join(text.split())
    if len(words) > LONGEST_REASON or (needed and not words):
        least = 1 if needed else 0
        raise OfficeLineError(
            f"The reason must have {least} to {LONGEST_REASON} characters; give it with {option}."
        )
    return mask_within("".join(sign for sign in words if sign.isprintable()), country)
