"""Ask the questions of `officeline init`; answers are checked at once, undone, and kept."""

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
    "Press Enter to accept the value in brackets, type 'back' for the previous question, or press "
    "Ctrl-C to stop and keep your answers for later."
)
T = TypeVar("T")
Given = Mapping[str, Any]  # values of options, by their names without dashes


class _BackError(Exception):
    """Ask the previous question again."""


@dataclass(frozen=True)
class SetupQuestion:
    """A question with its key, which is also the name of its option if it has one.

    `why` explains the choice in a sentence. An empty answer means the default. A question without
    a default must be answered; if the default is empty, "none" also means empty.
    """

    key: str
    words: str
    why: str = ""
    default: str | None = None
    has_flag: bool = True


class Talk:
    """Asks on standard input; with --yes, everything without a default must be an option."""

    def __init__(self, config: Path, given: Given, *, asks: bool) -> None:
        self.asks = asks
        self.given = given
        self._config = config
        self._typed: dict[str, str] = {}  # all answers that were typed, by the questions' keys
        self._passed: list[str] = []  # the questions asked so far in this round
        self._silent = 0  # number of questions that are answered as before, without asking
        self._begun = False
        self._pushed: str | None = None  # a line that was read but belongs to the next question
        self._keeps = (
            True  # False: an unattended run must not touch the answers kept from another run
        )

    def hold(self, conversation: Callable[[], T]) -> T:
        """Run a conversation; after "back", run it again up to the previous question."""
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
        """Return the option's value or the answer; None for the default.

        `note` may return a warning about an accepted answer, which is shown at once.
        """
        given = self.given.get(question.key) if question.has_flag else None
        if given is not None:
            return read(given)
        if not self.asks:
            if question.default is None:
                raise OfficeLineError(
                    f"{question.words} is missing; give it with --{question.key}, or leave out "
                    "--yes and --mobiles to be asked."
                )
            return None
        return self._asked(question, read, note)

    def forget(self) -> None:
        """Delete the kept answers, after everything is written."""
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
                pass  # an earlier answer made it invalid
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
                typer.echo(f"Note: {doubt} Type 'back' to change it.", err=True)
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
                typer.echo("This question needs an answer.", err=True)

    def _keep(self, key: str, reported: str) -> None:
        """Save an answer; the newest one comes last."""
        self._passed.append(key)
        self._typed[key] = reported
        if self._keeps:
            unfinished.keep_answers(self._config, self._typed)

    def _line(self, question: SetupQuestion, why: str, default: str | None) -> str:
        """Ask once; at Ctrl-C or the end of input, stop without changing anything."""
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
            self.forget()  # the caller still has the answers that were piped in
        raise OfficeLineError(
            f"The input ended before this was answered: {question.words}. Nothing was changed;"
            f"{by_flag} start over.{kept}"
        )

    def _kept(self) -> str:
        """Return a sentence that says where the answers so far are kept."""
        if not self._typed or not self._keeps:
            return ""
        where = unfinished.answers_path(self._config)
        return f" Your answers are kept in {where}; 'officeline init' continues from there."

    def _resume(self) -> None:
        """Offer to continue with the answers of an interrupted run."""
        known = unfinished.read_answers(self._config) if self.asks else {}
        if not known:
            return
        self._keeps = _at_terminal()
        listed = "\n".join(f"  {key}: {mask_within(one)}" for key, one in known.items())
        question = SetupQuestion(
            "", "Continue from these answers (yes or no)", f"Answers from before:\n{listed}", "yes",
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
            if not _at_terminal():  # piped input answers the first question, not this one
                self._pushed = reported
                return
            typer.echo("Answer yes or no.", err=True)


def _at_terminal() -> bool:
    """Tell whether a person types the answers."""
    return sys.stdin is not None and sys.stdin.isatty()


def _line_of_input() -> str:
    """Read a line as UTF-8, whatever the locale is; empty at the end of the input."""
    return "" if sys.stdin is None else sys.stdin.buffer.readline().decode("utf-8-sig")
