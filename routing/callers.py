"""Numbers that carriers show for callers who withhold theirs: they are nobody's.

Two callers who show the same one are two strangers. A carrier that sends no number sends none of
these, or a word such as Asterisk's "anonymous", of which no digit is left.
"""

from __future__ import annotations

# Words that are spelled on a telephone's keys where only digits can be sent. The first five are
# Twilio's (help.twilio.com, article 223179988, "Why am I getting calls from these strange
# numbers?"); the others are what displays of telephones say of the same.
_WORDS = (
    *("anonymous", "blocked", "restricted", "unavailable", "unknown"),
    *("private", "withheld"),
)
_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
# One that is told of beside them, and what systems show that know of no number.
_REPORTED = frozenset({"8566696687", "0000123456", "1234567890", "0123456789"})

SENTINELS = frozenset(word.translate(_KEYS) for word in _WORDS) | _REPORTED


def is_nobodys(number: str) -> bool:
    """Tell whether a number, with a plus or the 1 of North America or without, is a sentinel.

    A number of one and the same digit is one, too.
    """
    digits = number.removeprefix("+")
    forms = {digits, digits.removeprefix("1")}
    return not forms.isdisjoint(SENTINELS) or any(len(set(one)) == 1 for one in forms)
