"""What a search says: its trials in order, the best of them, what to type to use it, and what the accuracy hung on."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from baselines.tune.importances import LEAST, METHOD, draw, importances
from baselines.tune.space import changes
from baselines.tune.study import Search
from baselines.tune.trial import EndedTrial, rank


class TrialRow(EndedTrial, frozen=True, kw_only=True):
    """A trial with what sets its recipe off from the one that the search began with, as ``--set`` takes it."""

    changes: tuple[str, ...]


class Best(msgspec.Struct, frozen=True, kw_only=True):
    """The best trial, where its recipe and its model lie, and what to type to use them."""

    number: int
    val_accuracy: float
    val_interval: tuple[float, float]
    val_n: int
    changes: tuple[str, ...]
    recipe_file: str
    submission: str
    train: str  # finds the run that is there, and on another machine trains it
    submit: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the verb prints.

    Attributes
    ----------
    counts : dict from str to int
        Trials by what came of them; ``repeated`` ones are in the first three too, ``interrupted`` ones were run again.
    n_measured : int
        How many recipes the best is the best of.
    trials : tuple of TrialRow
        Complete ones, the best first; then those cut short; then failed ones.
    importances : dict from field to float, or None
        None where `why_no_importances` tells the reason.
    """

    study: str
    model: str
    contest: str
    preset: str
    weights: str
    seed: int
    start: str  # what the search began with, in words
    fields: tuple[str, ...]
    counts: dict[str, int]
    n_measured: int
    trials: tuple[TrialRow, ...]
    best: Best | None
    importances: dict[str, float] | None
    why_no_importances: str
    method: str
    figure: str | None


def summarise(search: Search, options: Sequence[str] = ()) -> Summary:
    """Return what the trials so far say, and draw the figure of importances where there are any.

    Parameters
    ----------
    options : sequence of str
        What ``train`` and ``submit`` must be told beside the recipe to mean the same run, as ``--seed 3``.
    """
    target, trials = search.target, search.ended()
    model, contest = target.baseline.name, target.frozen.contest.name
    ranked = rank(trials)
    shares = importances(trials, target.space)
    why = ""
    if shares:
        draw(search.figure, shares, len(ranked), f"What the accuracy of {model} hung on, {contest}")
    elif len(ranked) < LEAST:
        why = f"{len(ranked)} complete so far, and importances need {LEAST}"
    else:
        why = "all complete trials are equally good"
    states = Counter(trial.state for trial in trials)
    return Summary(
        study=str(search.database),
        model=model,
        contest=contest,
        preset=target.preset_name,
        weights=target.weights.label,
        seed=target.seed,
        start=target.start,
        fields=target.space.fields,
        counts={
            "complete": states["complete"],
            "pruned": states["pruned"],
            "failed": states["failed"],
            "repeated": sum(trial.repeats is not None for trial in trials),
            "interrupted": search.n_taken_back(),
        },
        n_measured=sum(trial.state != "failed" and trial.repeats is None for trial in trials),
        trials=tuple(
            TrialRow(**msgspec.structs.asdict(trial), changes=tuple(changes(trial.recipe, target.space.base)))
            for trial in sorted(trials, key=_place)
        ),
        best=_best(search, ranked[0], options) if ranked else None,
        importances=shares or None,
        why_no_importances=why,
        method=METHOD,
        figure=str(search.figure) if shares else None,
    )


def _place(trial: EndedTrial) -> tuple[Any, ...]:
    order = {"complete": 0, "pruned": 1, "failed": 2}[trial.state]
    return order, trial.repeats is not None, -(trial.val_accuracy or 0.0), trial.val_loss or 0.0, trial.number


def _best(search: Search, trial: EndedTrial, options: Sequence[str]) -> Best:
    assert trial.val_accuracy is not None and trial.val_interval is not None and trial.val_n is not None
    model = search.target.baseline.name
    told = [model, "--recipe", str(search.best_file), *options]
    return Best(
        number=trial.number,
        val_accuracy=trial.val_accuracy,
        val_interval=trial.val_interval,
        val_n=trial.val_n,
        changes=tuple(changes(trial.recipe, search.target.space.base)),
        recipe_file=str(search.best_file),
        submission=str(search.runs / trial.run / "submission"),
        train=shlex.join(["hemobench", "train", *told]),
        submit=shlex.join(["hemobench", "submit", *told, "--name", f"{model} tuned", "-m", "hemobench tune"]),
    )
