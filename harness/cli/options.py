"""Options that several verbs share, and the completion of names in the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def complete(names: Callable[[], Iterable[str]]) -> Callable[..., list[CompletionItem]]:
    """Return a completion callback over `names`, which is called only when a shell asks."""

    def callback(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names() if name.startswith(incomplete)]

    return callback


def contest_names() -> Iterable[str]:
    from harness.contest import contest_files

    return contest_files()


def entry_names() -> Iterable[str]:
    from harness.examples import submission_names
    from harness.plugins import model_names

    return (*submission_names(), *model_names())


def workspace_option(function: F) -> F:
    """Add ``--workspace``, handed on as a path."""
    return click.option(
        "--workspace",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="HEMOBENCH_WORKSPACE",
        default=Path("workspace"),
        show_default=True,
        help="Folder of contests, runs and the board. [env: HEMOBENCH_WORKSPACE]",
    )(function)


def contest_option(function: F) -> F:
    """Add ``--contest``, by default the contest frozen last."""
    return click.option(
        "--contest", metavar="NAME", shell_complete=complete(contest_names), help="Contest; by default the last frozen."
    )(function)


def json_option(function: F) -> F:
    """Add ``--json``, handed on as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")(function)


def format_option(function: F) -> F:
    """Add ``--format`` and its short form ``--json``, handed on as ``form`` to `_view.table.print_table`."""
    function = click.option("--json", "form", flag_value="json", help="Short for --format json.")(function)
    return click.option(
        "--format",
        "form",
        type=click.Choice(["table", "csv", "json", "markdown", "latex"]),
        metavar="FORM",
        default="table",
        show_default=True,
        help="table, csv, json, markdown or latex.",
    )(function)


def isolation_option(function: F) -> F:
    """Add ``--isolation``."""
    from harness.sandbox.backends import NAMES

    return click.option(
        "--isolation",
        type=click.Choice(NAMES),
        is_flag=False,
        flag_value="auto",
        metavar="KIND",
        default="auto",
        show_default=True,
        help=f"Isolation of the submission: {', '.join(NAMES)}; auto is the best there is, never none.",
    )(function)


def device_option(function: F) -> F:
    """Add ``--device``."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu"]),
        default="auto",
        show_default=True,
        help="auto: the submission may use the GPU where there is one.",
    )(function)


def runtime_option(function: F) -> F:
    """Add ``--runtime``."""
    return click.option(
        "--runtime", metavar="NAME", help="Runtime of the submission; by default the one its entry.toml names."
    )(function)


def workers_options(function: F) -> F:
    """Add ``--workers``, handed on as ``n_workers``, and ``--cluster``."""
    return click.option(
        "--workers",
        "n_workers",
        metavar="N",
        type=click.IntRange(min=1),
        help="Zips at a time; by default as many as cores and memory allow.",
    )(cluster_option(function))


def cluster_option(function: F) -> F:
    """Add ``--cluster``."""
    return click.option(
        "--cluster", metavar="ADDRESS", help="The workers of a Dask scheduler, as tcp://10.0.0.1:8786."
    )(function)


def fresh_option(function: F) -> F:
    """Add ``--fresh``."""
    return click.option("--fresh", is_flag=True, help="Run also what was run before and answers from what was kept.")(
        function
    )


def lessons_option(function: F) -> F:
    """Add ``--folder``, where the notebooks of the lessons lie."""
    return click.option(
        "--folder",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("lessons"),
        show_default=True,
        help="Folder of your notebooks.",
    )(function)
