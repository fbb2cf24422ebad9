"""Placeholder numbers that carriers show for callers who withhold their own.

Two calls from the same placeholder are treated as two unrelated callers. Other carriers send no
number, or a word without digits such as Asterisk's "anonymous".
"""

from __future__ import annotations

# Words that carriers spell with telephone keys because only digits can be sent. The first five
# are Twilio's (help.twilio.com, article 223179988, "Why am I getting calls from these strange
# numbers?"); the others are common on telephone displays.
_WORDS = (
    *("anonymous", "blocked", "restricted", "unavailable", "unknown"),
    *("private", "withheld"),
)
_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
# One number that users report as well, and defaults of systems that have no number to show.
_REPORTED = frozenset({"8566696687", "0000123456", "1234567890", "0123456789"})

SENTINELS = frozenset(word.translate(_KEYS) for word in _WORDS) | _REPORTED


def is_nobodys(number: str) -> bool:
    """Return whether a number is a placeholder, with or without a leading plus or 1.

    A number that repeats a single digit also counts as a placeholder.
    """
    digits = number.removeprefix("+")
    forms = {digits, digits.removeprefix("1")}
    return not forms.isdisjoint(SENTINELS) or any(len(set(one)) == 1 for one in forms)
