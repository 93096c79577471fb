"""``hemobench reproduce``"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from baselines.cli.train import model_names
from harness.cli.options import complete, contest_option, json_option, workspace_option

if TYPE_CHECKING:
    from baselines.reproduce.measure import Bench, Measured
    from baselines.reproduce.trials import Trial


@click.command(short_help="Measure the report's table again, and say why it differs.")
@click.argument("models", nargs=-1, shell_complete=complete(model_names))
@click.option(
    "--preset",
    type=click.Choice(["quick", "full"]),
    default="quick",
    show_default=True,
    help="quick: two hours on two cores for all rows. full: a GPU's work.",
)
@click.option(
    "--weights",
    metavar="auto|imagenet|none",
    default="auto",
    show_default=True,
    help="As train takes it; auto looks in the folder HEMOBENCH_WEIGHTS first.",
)
@click.option("--page", type=click.Path(path_type=Path), help="Write the page here. [default: in WORKSPACE/reproduce]")
@click.option("--page-only", is_flag=True, help="Train nothing: write the page of what is there.")
@click.option("--expected", is_flag=True, help="Also keep the figures as what `train --list` expects.")
@click.option("--reveal-private", is_flag=True, help="Measure the hidden accuracy on both halves of the hidden test.")
@contest_option
@workspace_option
@json_option
def reproduce(
    models: tuple[str, ...],
    preset: str,
    weights: str,
    page: Path | None,
    page_only: bool,
    expected: bool,
    reveal_private: bool,
    contest: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Train every model of the report's table, as it should be and as the team had it, and score it through the zip
    door; then set reported and measured side by side, with the cause of each gap.

    With MODELS only those. What is done already is not done again; an interrupted run goes on where it stopped.

    \b
    Example:
      hemobench reproduce
      hemobench reproduce scratch-v1 vgg16 vgg16-report
    """
    from baselines.entries import find
    from baselines.reproduce.measure import Bench
    from baselines.reproduce.trials import all_trials
    from harness.errors import UsageError

    for model in models:
        find(model)
    if weights not in ("auto", "imagenet", "none"):
        raise UsageError(
            f"--weights {weights}: every model has its own file, so this takes auto, imagenet or none.",
            f"Put {Path(weights).name} as MODEL_notop.weights.h5 into a folder, and its path into HEMOBENCH_WEIGHTS.",
        )
    bench = Bench(workspace, contest, preset, weights, offline=page_only)  # type: ignore[arg-type]
    measured, failed = run_all(bench, all_trials(), () if page_only else all_trials(models))

    from baselines.reproduce.page import GALLERY, write_page
    from baselines.reproduce.sheets import augmentation_gallery, hidden_confusions
    from baselines.reproduce.table import summarise

    summary = summarise(bench, measured, failed, reveal_private=reveal_private)
    home = workspace / "reproduce" / bench.frozen.contest.name
    path = page or home / "reproduction.md"
    augmentation_gallery(bench, path.with_suffix("") / GALLERY[0])
    confusions = home / "confusion-hidden"
    hidden_confusions(bench, measured, confusions, ("public", "private") if reveal_private else ("public",))
    write_page(summary, path, [GALLERY])
    if expected:
        from baselines.reproduce.table import keep_expected

        keep_expected(measured)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(summary))
    else:
        from baselines.reproduce.terminal import show

        show(summary)
    click.echo(f"Page: {path}, {path.with_suffix('.html')}", err=True)
    click.echo(f"For the teacher, confusion matrices of the hidden test: {confusions}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def run_all(
    bench: Bench, trials: Sequence[Trial], wanted: Sequence[Trial]
) -> tuple[dict[Trial, Measured], dict[Trial, str]]:
    """Look all trials up, and run those of `wanted` that are not done yet.

    A trial that fails is told of and left behind, so that one does not cost the others.
    """
    from harness.cli._view import screen
    from harness.errors import HarnessError
    from harness.progress import silent

    measured, failed = {}, {}
    track = screen.bar if sys.stderr.isatty() else silent
    for trial in trials:
        try:
            done = bench.look_up(trial, track)
            if done is None and trial in wanted:
                click.echo(f"[{wanted.index(trial) + 1}/{len(wanted)}] {trial.label}", err=True)
                done = bench.measure(trial, lambda line: click.echo(line, err=True), track)
        except HarnessError as error:
            click.echo(f"{trial.label}: {error.message} {error.hint}", err=True)
            failed[trial] = error.message
        else:
            if done is not None:
                measured[trial] = done
    return measured, failed
