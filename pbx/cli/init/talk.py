"""Questions of `officeline init` and their answers: checked at once, taken back, never lost."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from pbx.config.setup import unfinished

INTERRUPTED = 130
BACK, NONE = "back", "none"
INTRODUCTION = (
    "Enter accepts the value in brackets, 'back' returns to the question before, and Ctrl-C keeps "
    "your answers for later."
)
T = TypeVar("T")
Given = Mapping[str, Any]  # what the flags say, by their names without dashes


class _BackError(Exception):
    """The question before is to be asked again."""


@dataclass(frozen=True)
class SetupQuestion:
    """A question: its key names it for good, and is its flag's name if it has one.

    `why` explains the choice in a sentence. An empty answer means the default; a question without
    one must be answered, and where it is empty, "none" means empty, too.
    """

    key: str
    words: str
    why: str = ""
    default: str | None = None
    has_flag: bool = True


class Talk:
    """Asks on standard input; with --yes, what has no default must have been given by flag."""

    def __init__(self, config: Path, given: Given, *, asks: bool) -> None:
        self.asks = asks
        self.given = given
        self._config = config
        self._typed: dict[str, str] = {}  # all that was ever typed, by the questions' keys
        self._passed: list[str] = []  # the questions of this round
        self._silent = 0  # so many of them are answered as before, without being asked
        self._begun = False
        self._pushed: str | None = None  # a line that was read and belongs to the next question
        self._keeps = True  # an unattended run leaves alone what somebody else's has kept

    def hold(self, conversation: Callable[[], T]) -> T:
        """Hold a conversation; "back" holds it again up to the question before the last."""
        self._resume()
        while True:
            self._passed = []
            try:
                return conversation()
            except _BackError:
                self._silent = len(self._passed) - 1

    def answer(
        self,
        question: SetupQuestion,
        read: Callable[[str], T],
        note: Callable[[T], str | None] = lambda _: None,
    ) -> T | None:
        """Return what was given, or is answered; None where the default is meant.

        `note` may say at once what is doubtful of an answer that is taken.
        """
        given = self.given.get(question.key) if question.has_flag else None
        if given is not None:
            return read(given)
        if not self.asks:
            if question.default is None:
                raise OfficeLineError(
                    f"{question.words} is missing; give it with --{question.key}, or leave out "
                    "--yes and --mobiles, and be asked."
                )
            return None
        return self._asked(question, read, note)

    def forget(self) -> None:
        """Delete what was kept, once it is all written."""
        if self.asks:
            unfinished.forget_answers(self._config)

    def _asked(
        self, question: SetupQuestion, read: Callable[[str], T], note: Callable[[T], str | None]
    ) -> T | None:
        known = self._typed.get(question.key)
        if len(self._passed) < self._silent and known is not None:
            try:
                found = None if known == question.default else read(known)
            except OfficeLineError:
                pass  # another answer before it has made it wrong
            else:
                self._passed.append(question.key)
                return found
        self._silent = 0
        why = question.why
        while True:
            reported = self._reported(question, why, known)
            why = ""
            try:
                found = None if reported == question.default else read(reported)
            except OfficeLineError as error:
                typer.echo(str(error), err=True)
                continue
            if found is not None and (doubt := note(found)):
                typer.echo(f"Note: {doubt} 'back' takes it back.", err=True)
            self._keep(question.key, reported)
            return found

    def _reported(self, question: SetupQuestion, why: str, known: str | None) -> str:
        """Ask until something is answered, or go back."""
        default = question.default if known is None else known
        while True:
            reported = self._line(question, why, default)
            why = ""
            if reported.lower() == BACK and self._passed:
                raise _BackError
            if reported.lower() == BACK:
                typer.echo("This is the first question.", err=True)
            elif reported.lower() == NONE and question.default == "":
                return ""
            elif reported or default is not None:
                return reported or str(default)
            else:
                typer.echo("An answer is needed here.", err=True)

    def _keep(self, key: str, reported: str) -> None:
        """Write an answer down; the last that was given stands last."""
        self._passed.append(key)
        self._typed[key] = reported
        if self._keeps:
            unfinished.keep_answers(self._config, self._typed)

    def _line(self, question: SetupQuestion, why: str, default: str | None) -> str:
        """Ask once; Ctrl-C ends it all with everything as it was, and so does the input's end."""
        shown = f" [{default}]" if default else ""
        begin = "" if self._begun else f"{INTRODUCTION}\n"
        self._begun = True
        asked = f"{begin}\n{why}\n" if why else begin
        typer.echo(f"{asked}{question.words}{shown}: ", nl=False, err=True)
        if self._pushed is not None:
            pushed, self._pushed = self._pushed, None
            return pushed
        try:
            reported = _line_of_input()
        except KeyboardInterrupt as error:
            typer.echo(f"\nNothing was changed.{self._kept()}", err=True)
            raise typer.Exit(INTERRUPTED) from error
        except UnicodeDecodeError:
            typer.echo("This is not UTF-8 text.", err=True)
            return self._line(question, why, default)
        if reported:
            return reported.strip()
        by_flag = f" give it with --{question.key}, or" if question.has_flag else ""
        kept = self._kept()
        if not _at_terminal() and self._keeps:
            kept = ""
            self.forget()  # whoever piped the answers still has them
        raise OfficeLineError(
            f"The input ended before this was answered: {question.words}. Nothing was changed;"
            f"{by_flag} begin again.{kept}"
        )

    def _kept(self) -> str:
        """Say where the answers so far are."""
        if not self._typed or not self._keeps:
            return ""
        where = unfinished.answers_path(self._config)
        return f" Your answers are kept in {where}; 'officeline init' goes on from them."

    def _resume(self) -> None:
        """Offer to go on from the answers of a conversation that was interrupted."""
        known = unfinished.read_answers(self._config) if self.asks else {}
        if not known:
            return
        self._keeps = _at_terminal()
        listed = "\n".join(f"  {key}: {mask_within(one)}" for key, one in known.items())
        question = SetupQuestion(
            "", "Go on from them (yes or no)", f"Answers are kept from before:\n{listed}", "yes",
            has_flag=False,
        )  # fmt: skip
        while True:
            reported = self._line(question, question.why, question.default)
            if reported.lower() in {"", "y", "yes"}:
                self._typed, self._silent, self._keeps = known, len(known), True
                return
            if reported.lower() in {"n", "no"}:
                self._keeps = True
                return
            if not _at_terminal():  # it is the answer to what an unattended run asks first
                self._pushed = reported
                return
            typer.echo("Answer yes or no.", err=True)


def _at_terminal() -> bool:
    """Tell whether somebody types the answers."""
    return sys.stdin is not None and sys.stdin.isatty()


def _line_of_input() -> str:
    """Read a line as UTF-8, whatever the machine's language is; empty at the end."""
    return "" if sys.stdin is None else sys.stdin.buffer.readline().decode("utf-8-sig")
