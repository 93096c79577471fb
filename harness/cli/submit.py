"""``hemobench submit``"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from harness.cli.options import (
    complete,
    contest_option,
    device_option,
    entry_names,
    fresh_option,
    isolation_option,
    json_option,
    runtime_option,
    workers_options,
    workspace_option,
)

if TYPE_CHECKING:
    from harness.errors import HarnessError
    from harness.score.card import ScoreCard
    from harness.submit import Submitted


@click.command(short_help="Train if needed, pack, score and put on the board.")
@click.argument("entries", metavar="NAME|FOLDER|ZIP...", nargs=-1, required=True, shell_complete=complete(entry_names))
@click.option("-m", "--message", required=True, help="What is new in this submission.")
@click.option("--name", help="Name on the board; by default that of the model, folder or zip.")
@click.option("--preset", type=click.Choice(["quick", "full"]), help="Handed on to train.")
@click.option("--weights", metavar="auto|imagenet|none|PATH", help="Handed on to train.")
@click.option("--seed", type=int, help="Handed on to train.")
@click.option("--set", "settings", metavar="FIELD=VALUE", multiple=True, help="Handed on to train.")
@click.option("--recipe", metavar="FILE", help="Handed on to train.")
@click.option("--closed", is_flag=True, help="Train its fit.py here, twice, from --seed and its code alone.")
@click.option("--reveal-private", is_flag=True, help="Show the private score too.")
@contest_option
@isolation_option
@runtime_option
@device_option
@fresh_option
@workers_options
@workspace_option
@json_option
def submit(
    entries: tuple[str, ...],
    message: str,
    name: str | None,
    preset: str | None,
    weights: str | None,
    seed: int | None,
    settings: tuple[str, ...],
    recipe: str | None,
    closed: bool,
    reveal_private: bool,
    contest: str | None,
    isolation: str,
    runtime: str | None,
    device: str,
    fresh: bool,
    n_workers: int | None,
    cluster: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Train if needed, pack, score and put on the board.

    NAME is a model of `hemobench train --list` or a folder of submissions/. Of several the next ones are prepared while
    one runs; each counts for the limits of its team, and one that fails stops no other. A zip that was run before in
    the same way answers from what was kept of it. Exit code 0 only when all were scored.

    \b
    Example:
      hemobench submit majority -m "the share to beat"
      hemobench submit nearest-centroid -m "average colours of each class"
      hemobench submit entries/*.zip -m "first round"
    """
    from harness import api
    from harness.cli._view.screen import working
    from harness.plugins import model_names

    given = (("--preset", preset), ("--weights", weights), ("--seed", None if closed else seed), ("--recipe", recipe))
    train_options = [word for option, value in given if value is not None for word in (option, str(value))]
    train_options += [word for setting in settings for word in ("--set", setting)]
    if closed and train_options:
        raise click.UsageError("--closed trains by a fit.py, which is handed --seed alone.")
    terms: dict[str, Any] = {"name": name, "train_options": train_options, "closed": (seed or 0) if closed else None}
    terms |= {"isolation": isolation, "device": device, "fresh": fresh, "runtime": runtime}
    terms |= {"n_workers": n_workers, "cluster": cluster}
    if len(entries) == 1:
        # A model is trained first, by a process that has a bar of its own.
        trained = entries[0] in model_names()
        with contextlib.nullcontext() if trained else working("Running the entry"):
            submitted = api.submit(workspace, entries[0], message, contest, **terms)
        card = visible_card(submitted, reveal_private)
        if as_json:
            click.echo(msgspec.json.encode(document(submitted, card)))
        else:
            show(submitted, card)
        all_scored = card.outcome == "scored"
    else:
        found = api.submit_each(workspace, entries, message, contest, **terms)
        all_scored = show_each(entries, found, reveal_private, as_json)
    if not all_scored:
        raise click.exceptions.Exit(1)


def visible_card(submitted: Submitted, reveal_private: bool) -> ScoreCard:
    """Return as much of the card as its team, or the owner, may be shown."""
    from harness.board.visibility import ALL, Role, Visibility

    visible = Visibility(Role.OWNER if reveal_private else Role.TEAM)
    return visible.card(submitted.card, ALL if reveal_private else submitted.visible)


def document(submitted: Submitted, card: ScoreCard) -> dict[str, Any]:
    facts = {"entry": submitted.entry, "name": submitted.name, "receipt": submitted.head}
    facts |= {"forecast": submitted.forecast and msgspec.to_builtins(submitted.forecast)}
    facts |= {"late": submitted.late, "rank": submitted.rank, "shown": submitted.shown}
    facts |= {"equals": submitted.equals, "baseline": submitted.baseline}
    return {**facts, **msgspec.to_builtins(card)}


def place_of(submitted: Submitted) -> str:
    """Return where an entry stands, in a few words."""
    if submitted.closing:
        return f"late, the contest was closed at {submitted.closing.when}"
    if submitted.late:
        return "late, after the deadline"
    if not submitted.rank:
        return "a baseline, outside the ranks" if submitted.baseline else "not ranked"
    by = f" by {submitted.forecast.metric.replace('_', ' ')}" if submitted.forecast else ""
    return f"rank {submitted.rank} of {submitted.n_ranked:,}{by}"


def show_each(
    entries: Sequence[str], found: Iterable[Submitted | HarnessError], reveal_private: bool, as_json: bool
) -> bool:
    """Say of each entry how it ended, as soon as it is on record, and return whether each was scored."""
    from harness.cli._view.result import ended
    from harness.cli._view.screen import message
    from harness.errors import HarnessError

    documents, n_scored = [], 0
    try:
        for number, (submitted, entry) in enumerate(zip(found, entries, strict=True), start=1):
            told = f"{number} of {len(entries)}, {entry}: "
            if isinstance(submitted, HarnessError):
                documents.append({"submitted": entry, "error": submitted.message, "hint": submitted.hint})
                message(f"{told}not recorded: {submitted.message} {submitted.hint}")
                continue
            card = visible_card(submitted, reveal_private)
            documents.append(
                {"submitted": entry, **document(submitted, card)}
            )  # first: Ctrl-C may come while it prints
            n_scored += card.outcome == "scored"
            message(f"{told}entry {submitted.entry}, {submitted.name}, {place_of(submitted)}; {ended(card)}")
            for note in (*card.notes, *submitted.notes):
                message(note)
    finally:
        if as_json:
            click.echo(msgspec.json.encode(documents))
    return n_scored == len(entries)


def show(submitted: Submitted, card: ScoreCard) -> None:
    """Print all that is told of one entry."""
    from harness.cli._view.result import show_card, show_forecast
    from harness.cli._view.screen import wrapped

    show_card(card)
    if card.outcome != "scored" and submitted.card.hidden_log.strip() and not card.hidden_log:
        told = f"What it printed since it was given hidden images: hemobench show {submitted.entry} --reveal-private"
        click.echo(wrapped(told), err=True)
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
    told = f"Entry {submitted.entry}, {submitted.name}: {place_of(submitted)}. See: hemobench leaderboard"
    click.echo(wrapped(told), err=True)
