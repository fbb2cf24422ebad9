"""`check` and `apply` find the same errors in a file, whatever the secrets file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.base.errors import ConfigError
from pbx.config import plan, secrets
from pbx.config.home import Home
from pbx.ops.validation import held_numbers, validate
from tests.support.offices import EXAMPLE, NOW, ROOT

BROKEN = sorted((ROOT / "tests" / "routing" / "broken").glob("*.toml"))
SECRETS_FILES = {
    "empty": secrets.Secrets(),
    "one": secrets.Secrets(mobiles={"lee": "+12125550111"}),
    "two": secrets.Secrets(mobiles={"lee": "+12125550111", "osei": "+12125550112"}),
}


def errors(path: Path, folder: Path) -> list[str]:
    """List the errors that check prints."""
    _, found = plan.check(path, NOW, held_numbers(folder))
    return [one.sentence(path) for one in found if one.severity == "error"]


@pytest.mark.parametrize("held", SECRETS_FILES)
@pytest.mark.parametrize("file", BROKEN, ids=lambda path: path.stem)
def test_what_is_an_error_to_check_speaks_against_apply(
    tmp_path: Path, file: Path, held: str
) -> None:
    """Every error of every broken file, in the same words, before what the proof finds."""
    secrets.write(tmp_path, SECRETS_FILES[held])
    reported = errors(file, tmp_path)
    try:
        objections = validate(
            file.read_text(errors="replace"), file, Home(tmp_path), NOW
        ).objections
    except ConfigError:  # no plan can be made of it
        assert reported
        return
    assert list(objections[: len(reported)]) == reported
    assert not [one for one in objections[len(reported) :] if one.startswith(str(file))]


def test_who_has_no_number_is_an_error_to_both(tmp_path: Path) -> None:
    """The secrets file is asked by both; as long as it holds no number at all, nobody is told."""
    path = tmp_path / "office.toml"
    path.write_text(EXAMPLE)
    for held, missing in (("empty", []), ("one", ["osei", "patel"]), ("two", ["patel"])):
        secrets.write(tmp_path, SECRETS_FILES[held])
        objections = validate(EXAMPLE, path, Home(tmp_path), NOW).objections
        said = [one for one in objections if "no-contact" in one]
        assert [one for one in errors(path, tmp_path) if "no-contact" in one] == said
        assert len(said) == len(missing)
        assert all(person in one for person, one in zip(missing, said, strict=True))
