"""Rules that no call can reach: what is said of them, against every kind of call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config import plan
from pbx.config.findings.times import minutes_of_week
from routing import spans
from routing.engine import route
from routing.instants import inside
from routing.model import Patient
from tests.support.offices import EXAMPLE, KNOWN, calls, changed, codes, found


@pytest.mark.parametrize(
    "pairs",
    [
        [('when = { hours = "open" }', 'when = { time = "08:00-17:00" }'),
         ('name = "urgent at night"\nwhen = { hours',
          ('name = "noon"\nwhen = { days = "mon-wed", time = "12:00-13:00" }\n'
          'do = { message = "routine" }\n[[rules]]\nname = "urgent at night"\nwhen = { hours'))],
        [('when = { hours = "open" }', 'when = { repeat = "3 in 60m" }'),
         ('when = { hours = "closed", urgency = "urgent" }', 'when = { repeat = "4 in 30m" }')],
        [('when = { hours = "open" }', 'when = { flag = "vip" }'),
         ('when = { hours = "closed", urgency = "urgent" }',
          'when = { flag = "vip", panel = "lee" }')],
        # two rules above take it between them
        [('when = { line = "backline" }', 'when = { hours = "closed" }'),
         ('when = { hours = "closed", urgency = "urgent" }', 'when = { line = "main" }')],
    ],
)  # fmt: skip
def test_a_rule_that_is_hidden(pairs: list[tuple[str, str]]) -> None:
    """Conditions that follow from one another hide a rule."""
    assert "rule-hidden" in codes(changed(*pairs))


@pytest.mark.parametrize(
    ("upper", "lower"),
    [
        ('{ repeat = "3 in 30m" }', '{ repeat = "3 in 60m" }'),
        ('{ repeat = "4 in 60m" }', '{ repeat = "3 in 60m" }'),
        ('{ time = "08:00-12:00" }', '{ time = "11:59-12:01" }'),
        ('{ days = "mon-fri", time = "22:00-06:00" }', '{ days = "sat", time = "05:00-06:30" }'),
        ('{ time = "08:00-12:00" }', '{ caller = "unknown" }'),
        ('{ flag = "vip" }', '{ flag = "blocked" }'),
        ('{ panel = "lee" }', '{ panel = "osei" }'),
        ('{ caller = "known" }', '{ caller = "unknown" }'),
    ],
)
def test_a_rule_that_is_not_hidden(upper: str, lower: str) -> None:
    """Conditions that do not follow leave the rule its calls."""
    text = changed(
        ('{ hours = "open" }', upper), ('{ hours = "closed", urgency = "urgent" }', lower)
    )
    assert not {"rule-hidden", "rule-impossible"} & set(codes(text))


HEAD = changed(
    ("[[closures]]", '[office_hours.lab]\ndaily = ["07:00-10:00"]\n\n[[closures]]'),
    ('2 = "routine"', '2 = "routine"\n3 = { message = "urgent" }'),
    ('name = "backline"', 'name = "backline"\noffice_hours = "lab"\nmenus = { open = "night" }'),
    text=EXAMPLE[: EXAMPLE.index("[[rules]]")],
)
LAST = '[[rules]]\nname = "last"\ndo = { message = "routine" }\n'
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "line": st.sampled_from(["main", "backline"]),
        "hours": st.sampled_from(["open", "closed"]),
        "office_hours": st.sampled_from(["office", "lab"]),
        "urgency": st.sampled_from(["urgent", "routine"]),
        "caller": st.sampled_from(["anonymous", "known", "unknown"]),
    },
)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "flag": st.sampled_from(["vip", "blocked"]),
        "panel": st.sampled_from(["lee", "osei"]),
        "repeat": st.sampled_from(["2 in 10m", "3 in 60m", "3 in 10m"]),
        "time": st.sampled_from(["07:00-16:00", "09:00-10:00", "16:00-07:00"]),
    },
)


def matching(text: str) -> set[str]:
    """Name the rules that match some call."""
    configuration = plan.parse(text, Path("office.toml"))
    patients = {
        number: Patient(flag, flag, panel="lee", flags=frozenset({flag}))
        for number, flag in KNOWN.items()
    }
    known = replace(configuration.plan, patients=patients)
    return {
        reason.rule
        for facts, at in calls()
        for reason in route(facts, known, at).reasons
        if reason.matched
    }


def unreachable(text: str) -> set[str]:
    """Name the rules that are said never to match."""
    hidden = [one for one in found(text) if one.code in {"rule-hidden", "rule-impossible"}]
    return {one.where.removeprefix("rule '").removesuffix("'") for one in hidden}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        # whoever hears the menu is asked by the first rule, and then is urgent, routine or done
        ([{"urgency": "urgent"}, {"urgency": "routine"}, {"line": "main", "hours": "closed"}],
         {"r2"}),
        ([{"urgency": "urgent"}, {"line": "main", "hours": "closed"}], set()),
        ([{"urgency": "urgent"}, {"urgency": "routine"}, {"line": "main", "hours": "open"}], set()),
        ([{"caller": "anonymous", "repeat": "2 in 10m"}], {"r0"}),
        ([{"line": "main", "hours": "open", "urgency": "urgent"}], {"r0"}),
        # the back line's own hours are the laboratory's
        ([{"line": "backline", "hours": "open", "urgency": "urgent"}], set()),
        ([{"line": "backline", "hours": "open"},
          {"line": "backline", "hours": "open", "office_hours": "lab"}], {"r1"}),
        ([{"line": "backline", "hours": "open"},
          {"line": "backline", "hours": "open", "office_hours": "office"}], set()),
    ],
)  # fmt: skip
def test_who_is_asked_is_another_kind_of_call(
    rules: list[dict[str, str]], expected: set[str]
) -> None:
    """Menus, office hours and callers without a number, as the line treats them."""
    assert unreachable(policy(rules)) == expected
    assert not expected & matching(policy(rules))


def test_whoever_goes_in_circles_is_urgent() -> None:
    """A rule for urgent matters can match where only a circle of menus makes a call urgent."""
    text = changed(
        ('1 = "urgent"', '1 = { menu = "night" }'),
        ('otherwise = "urgent"', 'otherwise = "routine"'),
    )
    assert sorted(codes(text)) == ["menu-circle", "menu-otherwise"]


@given(
    st.sampled_from(["mon-fri", "sat-mon", "sun", "daily"]),
    st.sampled_from(["00:00-24:00", "22:00-06:00", "12:00-12:00", "08:30-08:31", "17:00-00:00"]),
)
@settings(max_examples=8, deadline=None)
def test_minutes_of_a_week(days: str, times: str) -> None:
    """A window's minutes are those at which the line finds itself in it."""
    windows = spans.weekly_windows(f"{days} {times}")
    covered = minutes_of_week(windows)
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    for minute in range(0, 7 * 24 * 60, 29):
        at = monday + timedelta(minutes=minute)
        assert bool(covered >> minute & 1) == inside(windows, at, ZoneInfo("UTC"))
    assert minutes_of_week(spans.weekly_windows("mon 08:00-mon 08:00")) == (1 << 7 * 24 * 60) - 1


def policy(rules: list[dict[str, str]]) -> str:
    """Write a file with these conditions, one rule for each."""
    tables = [
        f'[[rules]]\nname = "r{number}"\nwhen = {_inline(when)}\ndo = {{ escalation = "urgent" }}\n'
        for number, when in enumerate(rules)
    ]
    return HEAD + "\n".join([*tables, LAST])


def _inline(when: dict[str, str]) -> str:
    return "{ " + ", ".join(f'{key} = "{value}"' for key, value in when.items()) + " }"


@given(st.lists(CONDITIONS, min_size=1, max_size=5))
@settings(max_examples=20, deadline=None)
def test_hidden_rules_are_those_that_no_call_matches(rules: list[dict[str, str]]) -> None:
    """Where all conditions can be listed, exactly the rules that no call reaches are found."""
    text = policy(rules)
    names = {f"r{number}" for number in range(len(rules))}
    assert unreachable(text) == names - matching(text)


@given(st.lists(st.tuples(CONDITIONS, MORE), min_size=1, max_size=5))
@settings(max_examples=20, deadline=None)
def test_a_hidden_rule_matches_no_call(rules: list[tuple[dict[str, str], dict[str, str]]]) -> None:
    """With conditions of every kind, no rule is said to be hidden that has a call."""
    text = policy([{**one, **more} for one, more in rules])
    assert not unreachable(text) & matching(text)
