"""A page for each verb, made from the command line itself: what `--help` says, as text that can be searched."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from inspect import cleandoc

import click

from harness.cli import hemobench
from harness.cli.group import VerbGroup, verbs

SHOWN_BAR = "\\|"  # in a table, where a bar by itself ends the cell


def verb_pages() -> dict[str, str]:
    """Return the page of each verb, and ``verbs`` with the list of all, as Markdown by name."""
    known = dict(verbs(hemobench))
    pages = {"-".join(words): _page(words, command) for words, command in known.items()}
    return {f"verbs/{name}": text for name, text in pages.items()} | {"verbs": _list()}


def _list() -> str:
    """Return the page that lists every verb in the sections of ``hemobench --help``."""
    root = click.Context(hemobench, info_name="hemobench")
    lines = ["# Every verb", "", *_prose(hemobench), ""]
    for title, names in hemobench.sections().items():
        lines += [f"## {title}", "", *_table(hemobench, names, root, ("hemobench",)), ""]
    hidden = "\n".join(f"verbs/{'-'.join(words)}" for words, _ in verbs(hemobench) if len(words) == 2)
    return "\n".join([*lines, "```{toctree}", ":hidden:", hidden, "```", ""])


def _table(group: click.Group, names: list[str], ctx: click.Context, at: tuple[str, ...]) -> Iterator[str]:
    yield from ("| verb | does |", "|---|---|")
    for name in names:
        command = group.get_command(ctx, name)
        assert command is not None
        words = (*at, name)
        page = f"{'' if at[1:] else 'verbs/'}{'-'.join(words)}.md"
        yield f"| [`{' '.join(words)}`]({page}) | {_marked(command.get_short_help_str(200))} |"


def _page(words: tuple[str, ...], command: click.Command) -> str:
    ctx = click.Context(command, info_name=" ".join(words))
    usage = ctx.get_usage().removeprefix("Usage: ")
    lines = [f"# {' '.join(words)}", "", *_prose(command), "", "## Usage", "", textwrap.indent(usage, "    "), ""]
    if isinstance(command, VerbGroup):
        names = command.list_commands(ctx)
        lines += ["## Verbs", "", *_table(command, names, ctx, words), ""]
        inner = "\n".join(f"{'-'.join((*words, name))}" for name in names)
        return "\n".join([*lines, "```{toctree}", ":hidden:", inner, "```", ""])
    options = [found for one in command.get_params(ctx) if (found := one.get_help_record(ctx))]
    lines += ["## Options", "", "| option | says |", "|---|---|"]
    lines += [f"| `{name.replace('|', SHOWN_BAR)}` | {_marked(text)} |" for name, text in options if text]
    return "\n".join([*lines, ""])


def _prose(command: click.Command) -> list[str]:
    """Return the help of a command: paragraphs as text, what stands behind a ``\\b`` as it is."""
    lines = []
    for part in cleandoc(command.help or "").split("\n\n"):
        if part.startswith("\b"):
            inner = part.removeprefix("\b").strip("\n")
            head, _, rest = inner.partition("\n")
            lines += [f"**{head.rstrip(':')}**" if head.endswith(":") else head, ""]
            lines += [textwrap.indent(textwrap.dedent(rest), "    "), ""]
        else:
            lines += [_marked(part), ""]
    return lines


def _marked(text: str) -> str:
    """Return a help text in which nothing is taken for Markdown, and options are in the type of what is typed."""
    parts = " ".join(text.split()).split("`")  # every second one is typed as it stands
    for number in range(0, len(parts), 2):
        plain = re.sub(r"([|*_<>\[\]])", r"\\\1", parts[number])
        parts[number] = re.sub(r"(hemobench(?: [a-z-]+)+|(?<![\w-])--[a-z][a-z-]*)", r"`\1`", plain)
    return "`".join(parts)
