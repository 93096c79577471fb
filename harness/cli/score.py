"""``hemobench score``"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.options import (
    contest_option,
    device_option,
    format_option,
    fresh_option,
    isolation_option,
    runtime_option,
    workers_options,
    workspace_option,
)

SPLITS = ("val", "val_shifted", "public", "private")


@click.command(short_help="Run zips in the sandbox and score them; records nothing.")
@click.argument("zip_paths", metavar="ZIP...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--split",
    "splits",
    type=click.Choice(SPLITS),
    multiple=True,
    help="Split to score, may be repeated; by default val and val_shifted.",
)
@click.option("--reveal-private", is_flag=True, help="Score splits that entrants may not see, too.")
@contest_option
@isolation_option
@runtime_option
@device_option
@fresh_option
@workers_options
@workspace_option
@format_option
def score(
    zip_paths: tuple[Path, ...],
    splits: tuple[str, ...],
    reveal_private: bool,
    contest: str | None,
    isolation: str,
    runtime: str | None,
    device: str,
    fresh: bool,
    n_workers: int | None,
    cluster: str | None,
    workspace: Path,
    form: str,
) -> None:
    """Run each ZIP in the sandbox and score it; records nothing.

    Scored are the public splits; from them the public half of the hidden test is predicted, with a 95 % interval. Its
    score itself comes with submit. Of several zips the next ones are prepared while one runs, and one that fails stops
    no other. A zip that was run before in the same way answers from what was kept of it. Exit code 0 only when all were
    scored.

    \b
    Example:
      hemobench score myteam.zip
      hemobench score entries/*.zip --format csv
    """
    from harness import api
    from harness.cli._view import result
    from harness.cli._view.screen import working

    chosen = tuple(split for split in SPLITS if split in splits) or SPLITS[:2]
    terms: dict[str, Any] = {"splits": chosen, "reveal_private": reveal_private}
    terms |= {"isolation": isolation, "device": device, "fresh": fresh, "runtime": runtime}
    terms |= {"n_workers": n_workers, "cluster": cluster}
    if len(zip_paths) == 1:
        with working("Running the entry"):
            card, ahead = api.score(workspace, zip_paths[0], contest, **terms)
        result.show_scored(card, ahead, form)
        all_scored = card.outcome == "scored"
    else:
        all_scored = result.show_each(zip_paths, api.score_each(workspace, zip_paths, contest, **terms), form)
    if not all_scored:
        raise click.exceptions.Exit(1)
