"""Any text may be checked: each place has its line, and nothing raises."""

from __future__ import annotations

import copy
import random
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.base.errors import ConfigError
from pbx.config import plan
from pbx.config.findings.check import find_all
from pbx.config.findings.finding import CODES
from pbx.config.findings.lines import Lines
from routing.engine import route
from tests.support.offices import BROKEN, EXAMPLE, NOW, ROOT, calls

TRICKY = '''# a comment with [a.table] = "x"
"a b"."c" = 1
text = """
[not.a.table]
x = 1"""
quoted = """"two""""
raw = \'\'\'it\'s \'\' here\'\'\'
many = [ # [1]
  "]", { k = [1,
    2], "q.r" = "}" }, # , {
]
at = 2026-11-24 08:00:00
[[x]]
[[x.y]]
n = 1
[[x.y]]
n = 2
[x.z]
n = 3
[[x]]
m.n.o = 4
'''


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """List the places of everything in a tree."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in pairs:
        yield (*path, key)
        if isinstance(one, dict | list):
            yield from paths(one, (*path, key))


def test_lines_of_all_that_toml_allows() -> None:
    """Texts, comments and inline tables do not lead it astray."""
    lines = Lines(TRICKY)
    assert set(lines.known) == set(paths(tomllib.loads(TRICKY)))
    expected = {
        ("a b", "c"): 2, ("text",): 3, ("quoted",): 6, ("raw",): 7, ("many", 0): 9,
        ("many", 1, "k", 1): 10, ("many", 1, "q.r"): 10, ("at",): 12, ("x",): 13,
        ("x", 0, "y", 0, "n"): 15, ("x", 0, "y", 1): 16, ("x", 0, "y", 1, "n"): 17,
        ("x", 0, "z"): 18, ("x", 1): 20, ("x", 1, "m", "n", "o"): 21,
        ("x", 1, "nowhere", 3): 20, ("nowhere",): 1,
    }  # fmt: skip
    assert {path: lines.of(path) for path in expected} == expected


LEAF = st.one_of(
    st.integers(-9, 9), st.booleans(), st.text(max_size=8), st.dates(), st.floats(allow_nan=False)
)
TREE = st.recursive(
    LEAF,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), TREE, max_size=4))
@settings(max_examples=50, deadline=None)
def test_lines_know_every_place(tree: dict[str, Any]) -> None:
    """Whatever a writer of TOML makes, all of its places are found."""
    text = tomlkit.dumps(tree)
    assert set(Lines(text).known) == set(paths(tomllib.loads(text)))


BITS = [
    *re.findall(r"[^\s=,]+", EXAMPLE), "[[", "]]", "{", "}", '"', "'", '"""', "\\", "\0", "=", "\n",
    "9" * 5000, "1e999", "nan", "-1", "0001-01-01", "9999-12-31", "2026-12-24 08:00", "true",
    "+442079460958", "é", "🙂", "\ufeff", "[" * 2000, "{x=" * 200, "99 weeks", "everyone", "own",
]  # fmt: skip


@given(st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_no_text_is_too_much(chance: random.Random) -> None:
    """A file whose text was changed at random is judged or planned, and never raises anything."""
    assess(mutated(chance))


@given(st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_no_values_are_too_much(chance: random.Random) -> None:
    """The same with keys and values that were exchanged, so that it still is TOML."""
    assess(rearranged(chance))


def assess(text: str) -> None:
    """Look at a text; where nothing is fatal, its plan must decide calls."""
    first = find_all(text, NOW)
    for one in first.findings:
        assert one.code in CODES
        assert 1 <= one.line <= text.count("\n") + 1
        assert one.message
        assert one.fix
        assert (one.where + one.message + one.fix).isprintable()
    try:
        configuration = plan.parse(text, Path("office.toml"))
    except ConfigError:
        assert first.fatal
    else:
        assert not first.fatal
        for facts, at in list(calls())[::7]:
            route(facts, configuration.plan, at)


def mutated(chance: random.Random) -> str:
    """Change the example at a few random places."""
    lines = (ROOT / chance.choice(["config/office.toml", "tests/calls/policy.toml"])).read_text()
    parts = re.split(r"(\n|[\s=,\[\]{}\"]+)", lines)
    for _ in range(chance.choice([1, 1, 2, 5, 40])):
        at = chance.randrange(len(parts))
        match chance.randrange(5):
            case 0:
                del parts[at]
            case 1:
                parts.insert(at, parts[at])
            case 2:
                parts[at] = chance.choice(BITS)
            case 3:
                other = chance.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
            case _:
                end = at + chance.randrange(30)
                del parts[at:end]
        if not parts:
            break
    return "".join(parts)


ODD = [
    0, -1, True, 1.5, "", [], {}, "urgent", "everyone", "own", "next", "lee", "night", "9999-12-31",
    "2000-01-01", "mon 00:00", "00:00-00:00", "24:00-24:00", "99 weeks", "24 hours", "sat-mon",
    float("nan"), 10**30,
]  # fmt: skip
GOOD = [path.read_text() for path in sorted(BROKEN.glob("*.toml")) if path.stem != "bad-toml"]


def rearranged(chance: random.Random) -> str:
    """Change values and keys of a file at a few random places."""
    tree = tomllib.loads(chance.choice([EXAMPLE, *GOOD]))
    for _ in range(chance.choice([1, 1, 2, 5])):
        places = list(paths(tree))
        if not places:
            break
        *parents, key = chance.choice(places)
        holder = at(tree, parents)
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1:
                holder[key] = copy.deepcopy(at(tree, chance.choice(places)))
            case 2:
                holder[key] = copy.deepcopy(chance.choice(ODD))
            case _ if isinstance(holder, list):
                holder.append(copy.deepcopy(chance.choice(holder)))
            case _:
                holder[str(chance.choice(places)[-1])] = holder.pop(key)
    return tomlkit.dumps(tree)


def at(tree: Any, place: Iterable[str | int]) -> Any:
    """Return what stands at a place."""
    for part in place:
        tree = tree[part]
    return tree


@given(st.binary(max_size=60), st.integers(0, len(EXAMPLE)))
@settings(max_examples=13, deadline=None)
def test_bytes_that_are_no_text(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int
) -> None:
    """Random bytes in the file are findings, too."""
    path = tmp_path_factory.mktemp("bytes") / "office.toml"
    content = EXAMPLE.encode()
    path.write_bytes(content[:at] + junk + content[at:])
    configuration, findings = plan.check(path, NOW)
    assert (configuration is None) == any(one.fatal for one in findings)
