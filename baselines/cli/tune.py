"""``hemobench tune``"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from baselines.cli.train import model_names, recipe_fields
from harness.cli.options import complete, contest_option, json_option, workspace_option
from harness.words import counted

if TYPE_CHECKING:
    from baselines.run_folder import Run
    from baselines.tune.study import Search
    from baselines.tune.trial import Train


def searched_fields() -> Iterable[str]:
    from baselines.tune.space import SPACE

    return (row.field for row in SPACE)


@click.command(short_help="Search for a better recipe of a baseline.")
@click.argument("model", shell_complete=complete(model_names))
@click.option(
    "--trials",
    "n_trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Trials wanted in all, those of earlier sittings included.",
)
@click.option(
    "--timeout", metavar="MINUTES", type=click.FloatRange(min=0), help="Begin no trial after so many minutes."
)
@click.option(
    "--field",
    "only",
    metavar="FIELD",
    multiple=True,
    shell_complete=complete(searched_fields),
    help="Search this field of the recipe; again for more. By default all that have an effect.",
)
@click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    shell_complete=complete(recipe_fields),
    help="Fix a field of the recipe, as --set epochs=3; again for more.",
)
@click.option(
    "--preset",
    type=click.Choice(["quick", "full"]),
    help="Whose recipe to begin with. By default full where there is a GPU, else quick.",
)
@click.option(
    "--weights", metavar="auto|imagenet|none|PATH", default="auto", show_default=True, help="As train takes it."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the search, and of every training."
)
@contest_option
@workspace_option
@json_option
@click.pass_context
def tune(
    ctx: click.Context,
    model: str,
    n_trials: int,
    timeout: float | None,
    only: tuple[str, ...],
    settings: tuple[str, ...],
    preset: str | None,
    weights: str,
    seed: int,
    contest: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Search for a recipe with which a baseline does better on the validation images.

    The first trial is the preset as it is. Those that fall behind are pruned, and the run of the best is kept. The
    same command again goes on where the search stopped, also after Ctrl-C. A trial takes as long as `train` does.

    \b
    Example:
      hemobench tune scratch-v2 --trials 20
      hemobench tune mobilenet --field learning_rate --field optimizer
    """
    import time

    from baselines.entries import find
    from baselines.job import default_preset, plan
    from baselines.quiet import quiet
    from baselines.tune.space import search_space, set_fields
    from baselines.tune.study import Search, need_optuna
    from baselines.tune.trial import Target
    from baselines.weights import NONE, find_weights
    from harness import api
    from harness.cli._view import screen

    # All that can be refused is refused before Keras is loaded, which takes seconds.
    need_optuna()
    deadline = float("inf") if timeout is None else time.monotonic() + 60 * timeout
    baseline = find(model)
    frozen = api.open_contest(workspace, contest)
    found = find_weights(model, baseline.pretrained, weights, track=screen.bar)

    def target(preset: Any) -> Target:
        own = baseline.preset(preset, has_weights=found.label != NONE).recipe
        base, told, fixed = set_fields(own, settings)
        plan(baseline, frozen, preset, found, seed, told)
        space = search_space(baseline, frozen, base, has_weights=found.label != NONE, fixed=fixed, only=only)
        return Target(baseline, frozen, preset, found, seed, space, told)

    if preset is not None:
        target(preset)
    with quiet():
        preset = preset or default_preset()
    search = Search(workspace, target(preset))
    run(search, n_trials, deadline, given(ctx, "--weights", "--seed", "--contest", "--workspace"), as_json)


def run(search: Search, n_trials: int, deadline: float, options: list[str], as_json: bool) -> None:
    """Run what is missing of the trials, and print what they say."""
    from baselines.tune import terminal
    from baselines.tune.report import summarise
    from baselines.tune.terminal import tell
    from baselines.tune.trial import rank

    target, stopped = search.target, False
    with search.opened(lambda: tell("Another process has this search; waiting for it.")):
        n_done = len(search.ended())
        tell(f"{target.baseline.name} {target.weights.why}")
        tell(f"Searches {', '.join(target.space.fields)}.")
        if n_done >= n_trials:
            done = counted(n_done, "trial is", "trials are")
            tell(f"{done} done, {n_trials} are wanted. For more: --trials {n_done + 10}")
        else:
            tell(f"{n_done} of the {n_trials} trials wanted are done.")
        try:
            display = terminal.Bars(n_done, n_trials) if sys.stderr.isatty() else terminal.Lines()
            with display:
                for trial in search.run(
                    n_trials, fresh_train(), tell=display.tell, track=display.track, deadline=deadline
                ):
                    display.ended(trial, next(iter(rank(search.ended())), None))
        except KeyboardInterrupt:
            stopped = True
            search.take_back()
        summary = summarise(search, options)
        n_done = len(summary.trials)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(summary))
    else:
        terminal.show(summary)
    if n_done < n_trials:
        why = "Stopped by hand" if stopped else "The time is up"
        tell(f"{why} after {n_done} of {counted(n_trials, 'trial')}. The same command goes on from there.")
    if stopped:
        raise click.exceptions.Exit(130)


def fresh_train() -> Train:
    """Return `baselines.train.train`, each call of which begins without what Keras keeps of earlier ones."""
    from baselines.quiet import quiet

    with quiet():
        import keras

        from baselines import train as training

    def train(*words: Any, **more: Any) -> Run:
        keras.utils.clear_session()
        return training.train(*words, **more)

    return train


def given(ctx: click.Context, *options: str) -> list[str]:
    """Return those of `options` that were typed, with their values."""
    typed = []
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if parameter.opts[0] in options and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            typed += [parameter.opts[0], str(ctx.params[name])]
    return typed
