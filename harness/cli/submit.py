"""``hemobench submit``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import (
    complete,
    contest_option,
    device_option,
    entry_names,
    isolation_option,
    json_option,
    workspace_option,
)


@click.command(short_help="Train if needed, pack, score and put on the board.")
@click.argument("entry", metavar="NAME|FOLDER|ZIP", shell_complete=complete(entry_names))
@click.option("-m", "--message", required=True, help="What is new in this submission.")
@click.option("--name", help="Name on the board; by default that of the model, folder or zip.")
@click.option("--preset", type=click.Choice(["quick", "full"]), help="Handed on to train.")
@click.option("--weights", metavar="auto|imagenet|none|PATH", help="Handed on to train.")
@click.option("--seed", type=int, help="Handed on to train.")
@click.option("--set", "settings", metavar="FIELD=VALUE", multiple=True, help="Handed on to train.")
@click.option("--recipe", metavar="FILE", help="Handed on to train.")
@click.option("--reveal-private", is_flag=True, help="Show the private score too.")
@contest_option
@isolation_option
@device_option
@workspace_option
@json_option
def submit(
    entry: str,
    message: str,
    name: str | None,
    preset: str | None,
    weights: str | None,
    seed: int | None,
    settings: tuple[str, ...],
    recipe: str | None,
    reveal_private: bool,
    contest: str | None,
    isolation: str,
    device: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Train if needed, pack, score and put on the board.

    NAME is a model of `hemobench train --list` or a folder of submissions/. Exit code 0 only when it scored.

    \b
    Example:
      hemobench submit majority -m "the share to beat"
      hemobench submit nearest-centroid -m "average colours of each class"
    """
    from harness import api
    from harness.board.visibility import ALL, Role, Visibility

    given = (("--preset", preset), ("--weights", weights), ("--seed", seed), ("--recipe", recipe))
    train_options = [word for option, value in given if value is not None for word in (option, str(value))]
    train_options += [word for setting in settings for word in ("--set", setting)]
    submitted = api.submit(
        workspace,
        entry,
        message,
        contest,
        name=name,
        train_options=train_options,
        isolation=isolation,
        device=device,  # type: ignore[arg-type]
    )
    role = Role.OWNER if reveal_private else Role.TEAM
    card = submitted.card.only(ALL if reveal_private else submitted.visible, log=Visibility(role).log(ALL))
    if as_json:
        import msgspec

        facts = {"entry": submitted.entry, "name": submitted.name, "receipt": submitted.head}
        facts |= {"forecast": submitted.forecast and msgspec.to_builtins(submitted.forecast)}
        facts |= {"late": submitted.closing is not None, "rank": submitted.rank, "shown": submitted.shown}
        facts |= {"equals": submitted.equals}
        click.echo(msgspec.json.encode({**facts, **msgspec.to_builtins(card)}))
    else:
        from harness.cli._view.result import show_card, show_forecast
        from harness.cli._view.screen import wrapped

        show_card(card)
        if card.outcome != "scored" and submitted.card.log.strip() and not card.log:
            click.echo(
                wrapped(
                    "What it printed, it printed while it was shown hidden images, and is for who runs the contest: "
                    f"hemobench show {submitted.entry} --reveal-private. On public images alone: hemobench doctor ZIP"
                ),
                err=True,
            )
        if submitted.forecast:
            public = card.scores.get("public")
            show_forecast(submitted.forecast, public.metrics.get(submitted.forecast.metric) if public else None)
        for note in submitted.notes:
            click.echo(wrapped(note), err=True)
        if submitted.shown is not None:
            click.echo(
                wrapped(
                    f"Withheld by the Ladder: the public score is no clear gain over that of entry {submitted.shown}, "
                    "which the board goes on showing."
                ),
                err=True,
            )
        place = f"rank {submitted.rank} of {submitted.n_ranked:,}" if submitted.rank else "not ranked"
        if submitted.rank and submitted.forecast:
            place += f" by {submitted.forecast.metric.replace('_', ' ')}"
        if submitted.closing:
            place = f"late, the contest was closed at {submitted.closing.when}"
        told = f"Entry {submitted.entry}, {submitted.name}: {place}. See: hemobench leaderboard"
        click.echo(wrapped(told), err=True)
    if card.outcome != "scored":
        raise click.exceptions.Exit(1)
