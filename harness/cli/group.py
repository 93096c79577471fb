"""A group of verbs in sections, each verb in a file of its own that is imported when the verb is typed."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

import click

MODULES = {"class": "classroom"}  # of a verb that is a word of Python's own


class VerbGroup(click.Group):
    """Commands that are imported when they are needed.

    Parameters
    ----------
    home : str
        The package whose modules are the verbs: ``lint`` of ``harness.cli.codabench`` is the command of that name in
        ``harness/cli/codabench/lint.py``.
    sections : mapping of str to sequence of str, optional
        Headings of the help, and the verbs below each; both in the order of the flow.  Verbs of `home` that it does not
        name stand below the last heading.
    """

    def __init__(
        self, *args: Any, home: str, sections: Mapping[str, Sequence[str]] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **{"subcommand_metavar": "VERB [ARGS]...", **options})
        self.home, self.given = home, sections or {"Verbs": ()}

    def sections(self) -> dict[str, list[str]]:
        """Return the verbs there are, by the headings of the help."""
        named = {title: list(names) for title, names in self.given.items()}
        files = sorted(file.name for file in iter_modules(sys.modules[self.home].__path__))
        placed = {name for names in named.values() for name in names}
        named[list(named)[-1]] += [name for name in files if name not in placed]
        return named

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in self.sections().values() for name in names]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(self._module(name))
        (command,) = (one for one in vars(module).values() if isinstance(one, click.Command) and one.name == name)
        return command

    def has_file(self, name: str) -> bool:
        """Say whether a verb, or a group of verbs, is of this package."""
        return find_spec(self._module(name)) is not None

    def _module(self, name: str) -> str:
        return f"{self.home}.{MODULES.get(name, name)}"

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            near = nearest(word, [" ".join(words) for words, _ in verbs(ctx.find_root().command)])
            hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(self.list_commands(ctx))}."
            ctx.fail(f"No verb is called {word!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        size = max(map(len, self.list_commands(ctx)))
        for title, names in self.sections().items():
            commands = [(name, command) for name in names if (command := self.get_command(ctx, name))]
            with formatter.section(title):
                # All names as wide as the longest, so that the sections stand under one another.
                formatter.write_dl(
                    [(f"{name:{size}}", one.get_short_help_str(formatter.width - size - 6)) for name, one in commands]
                )


def verbs(
    command: click.Command, at: tuple[str, ...] = ("hemobench",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each verb below `command`, groups and what is in them, with the words by which it is called."""
    if isinstance(command, VerbGroup):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            if found := command.get_command(ctx, name):
                yield (*at, name), found
                yield from verbs(found, (*at, name))


def nearest(word: str, known: Sequence[str]) -> list[str]:
    """Return the commands whose last word `word`, or a part of it, is or resembles.

    Examples
    --------
    >>> known = [f"hemobench {verb}" for verb in ("submit", "codabench export", "kaggle export", "codabench lint")]
    >>> nearest("export", known)
    ['hemobench codabench export', 'hemobench kaggle export']
    >>> nearest("lint-bundle", known), nearest("sumbit", known), nearest("xyz", known)
    (['hemobench codabench lint'], ['hemobench submit'], [])
    """
    by_name: dict[str, list[str]] = {}
    for command in known:
        by_name.setdefault(command.split()[-1], []).append(command)
    for part in (word, *word.split("-")):
        names = [part] if part in by_name else difflib.get_close_matches(part, by_name, n=3, cutoff=0.6)
        if names:
            return [command for name in names for command in by_name[name]]
    return []
