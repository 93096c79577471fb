"""Which fields of the recipe the validation accuracy hung on, in numbers and as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.figures.style import BLUE, MARGIN, SHADE, TEXT, page, percent, text_width
from baselines.figures.table import Column, draw_table, table_width
from baselines.tune.space import Row, Space, label
from baselines.tune.trial import EndedTrial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LEAST = 8  # complete trials, below which a forest has next to nothing to split
METHOD = "fANOVA"
WIDTH = 7.4  # inches


def importances(trials: Sequence[EndedTrial], space: Space) -> dict[str, float]:
    """Return for each field its share of the variance of validation accuracy, the greatest first; they add up to 1.

    Parameters
    ----------
    trials : sequence of EndedTrial
        Of these the complete ones count, each recipe once.

    Returns
    -------
    dict from field to float, 0 to 1
        Fields that all these trials have in common are left out.  Empty with fewer than `LEAST` complete trials, or
        where all are equally good.

    References
    ----------
    F. Hutter, H. Hoos, K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance" (2014).  Unlike
    there the shares of pairs and larger groups are left out, and what remains is scaled to 1, as Optuna does.  It is
    given the recipes, not Optuna's parameters: a field that was not drawn beside others still had a value.
    """
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    complete = [trial for trial in trials if trial.state == "complete" and trial.repeats is None]
    told = {row.field: [_value(row, trial) for trial in complete] for row in space.rows}
    rows = [row for row in space.rows if len(set(told[row.field])) > 1]
    if len(complete) < LEAST or len({trial.val_accuracy for trial in complete}) == 1 or not rows:
        return {}
    distributions = {row.field: _distribution(row, told[row.field]) for row in rows}
    study = optuna.create_study(direction="maximize")
    for place, trial in enumerate(complete):
        params = {name: told[name][place] for name in distributions}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=trial.val_accuracy))
    try:
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    except RuntimeError:  # no tree found a split: all trials are nearly equal
        return {}
    return {name: float(share) for name, share in sorted(found.items(), key=lambda item: (-item[1], item[0]))}


def draw(path: Path, shares: Mapping[str, float], n_complete: int, title: str) -> None:
    """Draw a bar for each field, in the order of `shares`, from the top.

    Parameters
    ----------
    shares : mapping from field to float, 0 to 1; at least one
    n_complete : int
        How many trials they were computed from.
    """
    names = list(shares)
    column = Column("share", [percent(share) for share in shares.values()], bold=True)
    beside = table_width([column])
    longest = max(text_width(name, TEXT) for name in names)
    note = (
        f"{METHOD} over {n_complete} complete trials: of the variance of validation accuracy that single fields "
        "explain, the share of each. A hint, not a measurement: trials are few, and a search does not draw them evenly."
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with page(path, WIDTH, 0.75 + 0.3 * len(names), title, note) as figure:
        bars, table = figure.subplots(
            1, 2, sharey=True, width_ratios=(max(2.0, WIDTH - longest - beside - 5 * MARGIN), beside)
        )
        rows = range(len(names))
        for place in rows[::2]:
            for panel in (bars, table):
                panel.axhspan(place - 0.5, place + 0.5, color=SHADE, alpha=0.6, lw=0, zorder=0)
        bars.barh(rows, [100 * share for share in shares.values()], 0.6, color=BLUE)
        bars.set_yticks(rows, names)
        bars.set_ylim(len(names) - 0.5, -0.5)
        bars.set_xlim(0, max(1.0, 104 * max(shares.values())))
        bars.tick_params(axis="y", length=0)
        bars.set_xlabel("share of the variance, %")
        bars.grid(axis="x")
        draw_table(table, [column])
        # The band goes on under the numbers.
        table.set_axis_on()
        table.set_frame_on(False)
        table.tick_params(left=False, labelleft=False, bottom=False, labelbottom=False)


def _value(row: Row, trial: EndedTrial) -> Any:
    value = getattr(trial.recipe, row.field)
    # fANOVA takes a field as uniform over its range, and a learning rate is so by its magnitude.
    return log10(value) if row.between else label(value)


def _distribution(row: Row, values: Sequence[Any]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if row.between:
        # A rounded draw may lie beyond the end by half a digit.
        low, high = (log10(end) for end in row.between)
        return FloatDistribution(min(low, *values), max(high, *values))
    known = [label(value) for value in row.values]
    return CategoricalDistribution([*known, *sorted(set(values) - set(known))])
