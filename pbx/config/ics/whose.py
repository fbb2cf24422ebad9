"""Find the person of an event: by the import's options, our own property, or the title."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pbx.base.errors import OfficeLineError
from pbx.config.ics.events import called
from pbx.config.ics.lines import Component, Property
from pbx.config.ics.names import fit, person_named, quoted, same, unknown_title
from pbx.config.ics.writer import PERSON
from routing.model import Plan

SHOWN = 5  # titles that an error lists
# Attendees that do not count: declined, a room, a mailing list, or copied for information
_NOT_COMING = frozenset(("DECLINED", "DELEGATED"))
_NOBODY = frozenset(("ROOM", "RESOURCE", "GROUP", "NON-PARTICIPANT"))


@dataclass(frozen=True)
class Whose:
    """How events name people.

    `titles` maps whole titles to people; `left_out` holds titles of events that are not shifts.
    People who are invited to an event are on call only if `attendees` is set.
    """

    plan: Plan
    titles: Mapping[str, str] = field(default_factory=dict)
    left_out: Collection[str] = ()
    attendees: bool = False

    def is_left_out(self, part: Component) -> bool:
        """Tell whether --skip names the event's title."""
        return PERSON not in part_names(part) and _named(part, self.left_out)

    def person(self, part: Component) -> str:
        """Return the id of the event's one person; raise OfficeLineError if it is not clear."""
        own = part.text(PERSON)
        if own:
            if own not in self.plan.people:
                raise unknown_title(own, self.plan)
            return own
        title = part.text("SUMMARY")
        for wanted, person in self.titles.items():
            if _is(title, wanted):
                return person
        found = fit(title, self.plan)
        invited = set(self.invited(part)) if self.attendees else set()
        if found.left or len(found.people) > 1 or not {*found.people, *invited}:
            raise self._unknown(part)
        people = {*found.people, *invited}
        if len(people) > 1:
            raise OfficeLineError(
                f"The event {called(part)} names {' and '.join(sorted(people))}, but a shift has "
                "one person; split it into one event per person."
            )
        return people.pop()

    def refuse_unknown(self, parts: list[Component]) -> None:
        """Raise one OfficeLineError for all titles that name nobody, so people fix them at once."""
        failed: dict[str, OfficeLineError] = {}
        for part in parts:
            try:
                self.person(part)
            except OfficeLineError as error:
                failed.setdefault(same(part.text("SUMMARY")), error)
        if not failed:
            return
        first, *others = failed
        if not others:
            raise failed[first]
        shown = ", ".join(f"'{quoted(one)}'" for one in others[: SHOWN - 1])
        more = f" and {len(others) - SHOWN + 1} more" if len(others) >= SHOWN else ""
        raise OfficeLineError(f"{failed[first]} The same goes for {shown}{more}.")

    def invited(self, part: Component) -> Iterator[str]:
        """List the people in the plan who are invited to an event and have not declined."""
        for one in part.all("ATTENDEE"):
            kinds = {one.parameters.get(name, "").upper() for name in ("CUTYPE", "ROLE")}
            coming = one.parameters.get("PARTSTAT", "").upper() not in _NOT_COMING
            if coming and not kinds & _NOBODY:
                person = person_named(_attendee(one), self.plan)
                if person is not None:
                    yield person

    def _unknown(self, part: Component) -> OfficeLineError:
        title = part.text("SUMMARY")
        if not title:
            return OfficeLineError(
                f"The event {called(part)} does not say who is on call; "
                "put the person's name in its title."
            )
        invited = sorted(set(self.invited(part)))
        if len(invited) == 1 and not self.attendees and not fit(title, self.plan).people:
            return OfficeLineError(
                f"'{quoted(title)}' names nobody in the plan. It invites {invited[0]}, but an "
                "invitation puts nobody on call; if it should, add --attendees or "
                f'--person "{quoted(title)}={invited[0]}".'
            )
        return unknown_title(title, self.plan)


def part_names(part: Component) -> set[str]:
    """List the names of an event's properties."""
    return {line.partition(":")[0].partition(";")[0].upper() for line in part.lines}


def _attendee(one: Property) -> str:
    """Return an attendee's name, or else the part of their address before the @."""
    name = one.parameters.get("CN", "")
    if name and "@" not in name:
        return name
    address = (name or one.value).lower().removeprefix("mailto:")
    return address.partition("@")[0].replace(".", " ").replace("_", " ")


def _named(part: Component, titles: Collection[str]) -> bool:
    return any(_is(part.text("SUMMARY"), title) for title in titles)


def _is(title: str, wanted: str) -> bool:
    """Compare a title with a typed one, which may be shortened if copied from an error."""
    return same(wanted) in {same(title), same(quoted(title))}
