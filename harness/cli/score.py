"""``hemobench score``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, device_option, format_option, isolation_option, workspace_option

SPLITS = ("val", "val_shifted", "public", "private")


@click.command(short_help="Run a zip in the sandbox and score it; records nothing.")
@click.argument("zip_path", metavar="ZIP", type=click.Path(path_type=Path))
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
@device_option
@workspace_option
@format_option
def score(
    zip_path: Path,
    splits: tuple[str, ...],
    reveal_private: bool,
    contest: str | None,
    isolation: str,
    device: str,
    workspace: Path,
    form: str,
) -> None:
    """Run ZIP in the sandbox and score it; records nothing.

    Scored are the public splits; from them the public half of the hidden test is predicted, with a 95 % interval. Its
    score itself comes with submit. Exit code 0 only when it scored.

    \b
    Example:
      hemobench score majority.zip
    """
    from harness import api

    chosen = tuple(split for split in SPLITS if split in splits) or SPLITS[:2]
    card, ahead = api.score(
        workspace,
        zip_path,
        contest,
        splits=chosen,
        reveal_private=reveal_private,
        isolation=isolation,
        device=device,  # type: ignore[arg-type]
    )
    if form == "json":
        import msgspec

        click.echo(msgspec.json.encode({**msgspec.to_builtins(card), "forecast": msgspec.to_builtins(ahead)}))
    else:
        from harness.cli._view.result import show_card, show_forecast

        show_card(card, form)
        if ahead:
            show_forecast(ahead)
    if card.outcome != "scored":
        raise click.exceptions.Exit(1)
