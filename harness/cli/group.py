"""A group of verbs, each in a file of its own that is imported when the verb is typed."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import click

from harness.errors import did_you_mean


class VerbGroup(click.Group):
    """Commands that are imported when they are needed.

    Parameters
    ----------
    verbs : sequence of str
        In the order of the help; verb ``rules`` of the group ``contest`` is ``contest_rules`` in a module of that name.
    """

    def __init__(self, *args: Any, verbs: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.verbs = tuple(verbs)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return self.load(f"{self.name}_{name}") if name in self.verbs else None

    def load(self, name: str) -> click.Command:
        """Return the command in the file of its name."""
        module = name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"harness.cli.{module}"), module)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None:
            ctx.fail(f"No verb is called {word!r}. {did_you_mean(word, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)
