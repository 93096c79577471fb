"""What a wheel holds beside its packages: the man page, made from the command line itself."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

import click
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

END = """
.SH EXIT STATUS
0 done, 1 failed, 2 wrong usage, 130 stopped by hand.
.SH ENVIRONMENT
.B HEMOBENCH_WORKSPACE
is the folder of contests, runs and the board,
.B NO_COLOR
turns colours off, and
.B COLUMNS
is how wide a table may be.
"""


class ManPage(BuildHookInterface):
    """Write ``hemobench.1`` and have it installed where ``man`` looks."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            # The examples lie in the repository.  Copied beside it, they would be a package `harness` that entries see,
            # and an empty map would mean: copy all.
            nothing = Path(self.root, "build", "nothing")
            nothing.mkdir(parents=True, exist_ok=True)
            build_data["force_include_editable"] = {str(nothing): "nothing"}
            return
        sys.path.insert(0, self.root)
        points = self.metadata.core.entry_points["hemobench.commands"]
        path = Path(self.root, "build", "hemobench.1")
        path.parent.mkdir(exist_ok=True)
        path.write_text(man_page(self.metadata.version, points), encoding="utf-8")
        build_data["shared_data"][str(path)] = "share/man/man1/hemobench.1"


def man_page(version: str, points: dict[str, str]) -> str:
    """Return the page in the macros of ``man``: what ``--help`` says of each verb.

    Parameters
    ----------
    points : dict of str to str
        Entry points of verbs of other packages: those of this project, installed or not, and no other's.
    """
    from harness.cli import hemobench
    from harness.cli.group import verbs

    def loader(place: str) -> Any:
        module, _, name = place.partition(":")
        return lambda: getattr(import_module(module), name)

    with mock.patch("harness.plugins.commands", lambda: {name: loader(place) for name, place in points.items()}):
        known = [(("hemobench",), hemobench), *verbs(hemobench)]
        texts = [_help(" ".join(words), command) for words, command in known]
    lines = [
        f'.TH HEMOBENCH 1 "" "hemobench {version}"',
        ".SH NAME",
        "hemobench \\- a contest on one machine",
        ".SH VERBS",
    ]
    for (words, _), text in zip(known, texts, strict=True):
        lines += [f'.SS "{" ".join(words)}"', ".nf", *map(_escaped, text.splitlines()), ".fi"]
    return "\n".join(lines) + END


def _help(name: str, command: click.Command) -> str:
    return click.Context(command, info_name=name, terminal_width=72, max_content_width=72).get_help()


def _escaped(line: str) -> str:
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line.startswith((".", "'")) else line
