"""The short id that `init` offers for a person, made of the name as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pbx.config.fields import Id
from pbx.config.setup import ids


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dr. Ana Lee", "lee"),
        ("Sarah Johnson, MD", "johnson"),
        ("Sarah Johnson MD", "johnson"),
        ("Sarah Johnson, M.D., Ph.D.", "johnson"),
        ("Dr. Sarah Johnson", "johnson"),
        ("Sarah Johnson DO, FACP", "johnson"),
        ("Sarah Johnson, PA-C", "johnson"),
        ("Robert Johnson Jr., MD", "johnson"),
        ("Robert Johnson III", "johnson"),
        ("Johnson, Sarah", "johnson"),
        ("Johnson, Sarah, MD", "johnson"),
        ("SARAH JOHNSON, MD", "johnson"),
        ("sarah johnson, md", "johnson"),
        ("José Nuñez", "nunez"),
        ("Mary Smith-Jones", "smith-jones"),
        ("Maria de la Cruz", "delacruz"),
        ("de la Cruz, Maria", "delacruz"),
        ("de la Cruz", "delacruz"),
        ("Pieter van den Berg, MD", "vandenberg"),
        ("Van Le", "le"),
        ("Dr. Kim Do", "do"),
        ("Siobhan O'Brien, DO", "obrien"),
        ("Søren Ångström", "angstrom"),
        ("Night Answering Service", "service"),
        ("Johnson", "johnson"),
        ("Dr. X", "dr-x"),
        ("MD", "md"),
        ("", "dr-one"),
        (",", "dr-one"),
    ],
)
def test_the_id_is_the_family_name(name: str, expected: str) -> None:
    """Titles and degrees are no part of it, wherever they stand."""
    assert ids.suggested(name, {}) == expected


def test_two_of_one_name_are_reported_apart() -> None:
    """By a number, as often as there are more."""
    assert ids.suggested("Sam Johnson, MD", {"johnson"}) == "johnson2"
    assert ids.suggested("Ann Johnson, MD", {"johnson", "johnson2"}) == "johnson3"


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z .,'-]{1,60}", fullmatch=True))
def test_any_name_gives_an_id_that_the_file_takes(name: str) -> None:
    """And never one that is taken."""
    found = ids.suggested(name, ())
    assert TypeAdapter(Id).validate_python(found) == found
    assert ids.suggested(name, {found}) != found
