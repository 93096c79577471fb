"""``hemobench train``"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import complete, contest_option, format_option, workspace_option
from harness.words import counted

# Of a model, in a table for programs.
FIELDS = ("name", "parameters", "reported_val", "reported_hidden", "val", "public", "description")

if TYPE_CHECKING:
    from baselines.run_folder import Run, RunFolder


def model_names() -> Iterable[str]:
    from baselines.entries import names

    return names()


def recipe_fields() -> Iterable[str]:
    from baselines.recipe import Recipe

    return (f"{name}=" for name in Recipe.__struct_fields__)


@click.command(short_help="Train a baseline on the public images.")
@click.argument("model", required=False, shell_complete=complete(model_names))
@click.option("--list", "as_list", is_flag=True, help="List the models instead.")
@click.option(
    "--preset",
    type=click.Choice(["quick", "full"]),
    help="quick: minutes on a CPU. full: a GPU's work. By default full where there is a GPU.",
)
@click.option(
    "--weights",
    metavar="auto|imagenet|none|PATH",
    default="auto",
    show_default=True,
    help="Start from these weights. auto: ImageNet's if they are to be had.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every random draw.")
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    shell_complete=complete(recipe_fields),
    help="Change a field of the recipe, as --set optimizer=lion; again for more.",
)
@click.option(
    "--recipe",
    "recipe_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A TOML file with a whole recipe, instead of the preset's.",
)
@click.option("--resume", is_flag=True, help="Insist that there is a run to take up again.")
@click.option("--retrain", is_flag=True, help="Train anew, even where the run is there.")
@contest_option
@workspace_option
@format_option
@click.pass_context
def train(
    ctx: click.Context,
    model: str | None,
    as_list: bool,
    preset: str | None,
    weights: str,
    seed: int,
    settings: tuple[str, ...],
    recipe_file: Path | None,
    resume: bool,
    retrain: bool,
    contest: str | None,
    workspace: Path,
    form: str,
) -> None:
    """Train a baseline on the public images of a frozen contest.

    A run that was interrupted goes on where it stopped, one that has ended is used again. Ctrl-C keeps the best model
    so far. HEMOBENCH_WEIGHTS names a folder of weights, MODEL_notop.weights.h5.

    MODEL-report is the same model as the team of the report had it. `train --list` names the fields of a recipe.

    \b
    Example:
      hemobench train scratch-v2 --preset quick
      hemobench train scratch-v2 --set augment=augmix --set optimizer=lion
    """
    from harness.errors import UsageError

    if as_list:
        given = [
            parameter.opts[0] if isinstance(parameter, click.Option) else "MODEL"
            for parameter in ctx.command.params
            if parameter.name not in ("as_list", "form", "workspace")
            and ctx.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
        ]
        if given:
            raise UsageError(f"--list lists all models, so {given[0]} has no effect.", "Leave it out.")
        show_list(form)
        return
    if form not in ("table", "json"):
        raise UsageError(f"--format {form} goes with --list alone: a run is no table.", "Leave it out.")
    if model is None:
        raise UsageError("train needs the name of a model.", "See: hemobench train --list")
    if resume and retrain:
        raise UsageError("--resume goes on, --retrain begins anew: choose one.", "Leave one out.")

    from baselines.entries import find
    from baselines.job import default_preset, plan
    from baselines.recipe import read_recipe
    from baselines.weights import find_weights
    from harness import api
    from harness.cli._view import screen
    from harness.progress import silent
    from harness.workspace import Workspace

    if recipe_file is not None and preset is not None:
        raise UsageError("--recipe holds a whole recipe, so --preset has no effect beside it.", "Leave one out.")

    # All that can be refused is refused before Keras is loaded, which takes seconds.
    baseline = find(model)
    frozen = api.open_contest(workspace, contest)
    recipe = read_recipe(recipe_file) if recipe_file else None
    found = find_weights(model, baseline.pretrained, weights, track=screen.bar)
    if preset is not None or recipe is not None:
        plan(baseline, frozen, preset or "quick", found, seed, settings, recipe)  # type: ignore[arg-type]

    from baselines.quiet import quiet
    from baselines.run_folder import RunFolder

    with quiet():
        from baselines import train as training

        preset = preset or ("quick" if recipe else default_preset())
    job = plan(baseline, frozen, preset, found, seed, settings, recipe)  # type: ignore[arg-type]
    folder = RunFolder(Workspace(workspace).runs(frozen.contest.name) / f"{model}-{job.key}")

    def tell(line: str) -> None:
        click.echo(line, err=True)

    with folder.locked(lambda: tell("Another process trains this run; waiting for it.")):
        run = None if retrain else folder.finished()
        if run is not None:
            tell(f"{model} is trained already; --retrain trains it anew.")
        else:
            if retrain:
                folder.clear()
            n_done = len(folder.read_history())
            if resume and not n_done:
                raise UsageError(
                    f"There is no interrupted run of {model} with this preset, seed, weights and contest.",
                    "Leave out --resume to begin one.",
                )
            tell(f"{model} {found.why}")
            tell(f"Trains in {job.precision.policy}: {job.precision.why}.")
            if job.cuts:
                tell(f"{'Recipe' if recipe else f'Preset {job.preset_name}'}: {job.cuts}.")
            if n_done:
                tell(f"Goes on after epoch {n_done}.")
            run = training.train(job, folder, tell=tell, track=screen.bar if sys.stderr.isatty() else silent)
    show_run(run, folder, form == "json", own=bool(settings or recipe))
    if run.stopped == "by hand":
        raise click.exceptions.Exit(130)


def show_run(run: Run, folder: RunFolder, as_json: bool, own: bool = False) -> None:
    """Print where the model lies and how good it is; `own` tells that its recipe is not the preset's."""
    accuracy = run.val_accuracy
    if as_json:
        import msgspec

        document = {
            "model": run.model,
            "run": str(folder.path),
            "submission": str(folder.submission),
            "preset": run.preset,
            "cuts": run.cuts,
            "weights": run.weights,
            "precision": run.precision,
            "changed_labels": run.changed_labels,
            "recipe": run.recipe_key,
            "seed": run.seed,
            "val_accuracy": accuracy.value,
            "val_interval": [accuracy.low, accuracy.high],
            "val_n": accuracy.n,
            "val_loss": run.val_loss,
            "figures": str(folder.figures),
            "best_epoch": run.best_epoch,
            "epochs": run.epochs,
            "stopped": run.stopped,
            "seconds": run.seconds,
            "step_seconds": run.step_seconds,
            "parameters": run.parameters,
        }
        click.echo(msgspec.json.encode(document))
        return
    how = {"finished": "", "early": ", stopped early", "by hand": ", stopped by hand"}[run.stopped]
    click.echo(
        f"{run.model}: val accuracy {100 * accuracy.value:.2f} % "
        f"({100 * accuracy.low:.1f}–{100 * accuracy.high:.1f}, n = {accuracy.n:,}), "
        f"{counted(run.epochs, 'epoch')}{how}, {run.seconds:.0f} s"
    )
    click.echo(f"Submission: {folder.submission}")
    click.echo(f"Figures: {folder.figures}")
    click.echo(
        f"Next: hemobench submit {folder.submission if own or run.stopped == 'by hand' else run.model}", err=True
    )


def show_list(form: str) -> None:
    """Print all models, each with its two presets, what the report says of it and what was measured."""
    from baselines.entries import BASELINES

    def document() -> list[dict[str, Any]]:
        return [
            {
                "name": row.name,
                "description": row.summary,
                "report_of": row.report_of,
                "parameters": row.parameters,
                "presets": {"quick": row.quick.cuts, "full": row.full.cuts},
                "recipes": {"quick": row.quick.recipe, "full": row.full.recipe},
                "weights": ["imagenet", "none"] if row.pretrained else ["none"],
                "weights_source": row.pretrained and row.pretrained.url,
                "weights_licence": row.pretrained and row.pretrained.licence,
                "expected": row.expected,
                "reported": row.reported,
                "licence": row.licence,
            }
            for row in BASELINES
        ]

    from harness.cli._view import screen
    from harness.cli._view.table import Table, print_table
    from harness.records import Records

    columns = (
        screen.Column("model", key=True),
        *(screen.Column(name, number=True) for name in ("parameters", "reported %", "measured %")),
        screen.Column("what it is"),
    )
    cells: list[tuple[str | tuple[str, ...], ...]] = []
    records = []
    for row in (row for row in BASELINES if row.report_of is None):
        said = row.reported
        reported = [("val", said.val_accuracy), ("hidden", said.hidden_accuracy)]
        measured = next((one for one in row.expected if one["preset"] == "quick"), {})
        told = tuple(f"{split} {value:g}" for split, value in reported if value is not None)
        found = tuple(f"{one} {100 * measured[one]['value']:.1f}" for one in ("val", "public") if one in measured)
        cells.append((row.name, f"{row.parameters:,}", told or "–", found or "–", row.summary))
        shares = (measured[one]["value"] if one in measured else None for one in ("val", "public"))
        team = (value and value / 100 for value in (said.val_accuracy, said.hidden_accuracy))
        values = (row.name, row.parameters, *team, *shares, row.summary)
        records.append(dict(zip(FIELDS, values, strict=True)))
    print_table(Table(columns, cells, Records(FIELDS, records)), form, document)
    if form != "table":
        return

    from baselines.augment.catalogue import AUGMENTATIONS
    from baselines.recipe import Recipe

    variants = [row.name for row in BASELINES if row.report_of is not None]
    lines = (
        "Reported: by the team, on its own hidden test. Measured: quick preset, real cells; "
        "contest, weights, n and intervals: --json, docs/reproduction.md.\n\n"
        f"As the team had them, 255 divided out in front: {', '.join(variants)}.\n\n"
        f"Fields for --set: {', '.join(Recipe.__struct_fields__)}.\n"
        f"augment: {', '.join(AUGMENTATIONS)}."
    )
    screen.output().print(lines, markup=False)
