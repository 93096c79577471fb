"""The measured table: every trial beside what the report says of it, the claims, and the optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from baselines.baseline import MEASURED
from baselines.entries import find
from baselines.reproduce.causes import explain
from baselines.reproduce.measure import Bench, Measured, facts
from baselines.reproduce.row import Gap, Row
from baselines.reproduce.trials import CLAIMS, OPTIMIZERS, TABLE, Trial, all_trials, optimizer_trials
from baselines.run_folder import Accuracy, RunFolder
from harness import api
from harness.analysis.predictions import Diagnosis
from harness.score.stats import paired_interval
from harness.workspace import write_atomic


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of the report: how much better its first recipe is than its second, measured on the same images."""

    first: str
    second: str
    reported: str
    one: Accuracy
    other: Accuracy
    val: Gap
    val_shifted: Gap
    hidden: Gap
    hidden_one: Accuracy
    hidden_other: Accuracy
    n_trained: tuple[int, int]
    where: str

    @property
    def text(self) -> str:
        return f"{self.first} against {self.second}"


class OptimizerResult(msgspec.Struct, frozen=True, kw_only=True):
    """One optimizer over several seeds: mean and standard deviation of accuracies."""

    name: str
    settings: str
    n: int
    val: tuple[float, float]
    val_shifted: tuple[float, float]
    hidden: tuple[float, float]
    val_each: tuple[float, ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page says."""

    contest: str
    title: str
    lock: str
    counts: dict[str, int]
    dropped: int
    preset: str
    device: str
    versions: dict[str, str]
    hidden_split: str
    n_hidden: int
    rows: tuple[Row, ...]
    missing: tuple[str, ...]
    failed: dict[str, str]
    rank_correlation: tuple[float, float, int] | None  # Spearman's rho, its two-sided p, number of rows
    rank_correlation_val: tuple[float, float, int] | None
    claims: tuple[ClaimResult, ...]
    optimizers: tuple[OptimizerResult, ...]
    seconds: float


def summarise(
    bench: Bench, measured: Mapping[Trial, Measured], failed: Mapping[Trial, str], *, reveal_private: bool = False
) -> Summary:
    """Return what was measured, beside what was reported.

    Parameters
    ----------
    reveal_private : bool
        Measure the hidden accuracy on both halves of the hidden test, not on the public one alone.
    """
    hidden = ("public", "private") if reveal_private else ("public",)
    seen = {
        trial: api.diagnose(  # as who runs this contest; what is told of it are counts on `hidden`
            bench.home(trial),
            done.kept,
            done.run.contest,
            splits=("val", "val_shifted", *hidden),
            reveal_private=True,
        )
        for trial, done in measured.items()
    }
    rows = [row_of(bench, trial, measured, seen, hidden) for trial in TABLE if trial in measured]
    rows = [with_causes(row, rows, bench) for row in rows]
    lock = bench.frozen.lock
    some = next(iter(measured.values()), None)
    # The report's rows are the team's: where a row has a variant of theirs, that is the one it speaks of.
    theirs = [row for row in rows if row.as_team or not any(r.as_team and r.model == row.model for r in rows)]
    return Summary(
        contest=lock.contest.name,
        title=bench.frozen.contest.title,
        lock=bench.frozen.lock_hash[:12],
        counts={split: sum(counts.values()) for split, counts in lock.counts.items()},
        dropped=sum(finding.action == "dropped" for finding in lock.findings),
        preset=bench.preset,
        device=some.run.device if some else "",
        versions=some.run.versions if some else {},
        hidden_split=" and ".join(hidden),
        n_hidden=rows[0].hidden.n if rows else 0,
        rows=tuple(rows),
        missing=tuple(trial.label for trial in all_trials() if trial not in measured and trial not in failed),
        failed={trial.label: reason for trial, reason in failed.items()},
        rank_correlation=correlation(theirs, "hidden_accuracy", "hidden"),
        rank_correlation_val=correlation(theirs, "val_accuracy", "val"),
        claims=tuple(claim_results(measured, seen, hidden)),
        optimizers=tuple(optimizer_results(measured, seen, hidden)),
        seconds=sum(done.run.seconds for done in measured.values()),
    )


def hits(diagnosis: Diagnosis, splits: Sequence[str]) -> NDArray[np.bool_]:
    """Return which images of some splits were labelled right, the splits one after the other."""
    return np.concatenate([diagnosis.right[split] for split in splits])


def row_of(
    bench: Bench,
    trial: Trial,
    measured: Mapping[Trial, Measured],
    seen: Mapping[Trial, Diagnosis],
    hidden: Sequence[str],
) -> Row:
    done, diagnosis, baseline = measured[trial], seen[trial], find(trial.model)
    against = {}
    right = Trial(baseline.report_of or "")
    if right in measured:
        for split, parts in (("val", ["val"]), ("val_shifted", ["val_shifted"]), ("hidden", list(hidden))):
            against[split] = Gap(*paired_interval(hits(seen[right], parts), hits(diagnosis, parts)))
    run, history = done.run, RunFolder(done.folder).read_history()
    return Row(
        name=trial.model,
        model=baseline.report_of or trial.model,
        as_team=baseline.report_of is not None,
        recipe_said=baseline.reported.recipe,
        reported=baseline.reported,
        weights=run.weights,
        cuts=bench.job(trial).cuts,
        parameters=run.parameters,
        seconds=run.seconds,
        val=run.val_accuracy,
        val_loss=run.val_loss,
        train=run.train_accuracy,
        val_shifted=Accuracy.of(diagnosis.right["val_shifted"]),
        hidden=Accuracy.of(hits(diagnosis, hidden)),
        adapted=run.adapted,
        recipe=run.recipe,
        families=diagnosis.families,
        chains=diagnosis.chains,
        against_right=against,
        augmented=(history[0].train_accuracy, history[-1].train_accuracy),
    )


def with_causes(row: Row, rows: Sequence[Row], bench: Bench) -> Row:
    others = [other for other in rows if other.model == row.model and other.as_team != row.as_team]
    removed = sum(finding.action == "dropped" for finding in bench.frozen.lock.findings)
    has_other = "preprocessing" not in find(row.name).refused
    sentences = explain(row, others[0] if others else None, removed, has_other=has_other)
    return msgspec.structs.replace(row, causes=tuple(sentences))


def correlation(rows: Sequence[Row], said: str, found: str) -> tuple[float, float, int] | None:
    """Return Spearman's rank correlation of reported and measured accuracies; None where they give no ranks."""
    pairs = [
        (getattr(row.reported, said), getattr(row, found).value)
        for row in rows
        if getattr(row.reported, said) is not None
    ]
    if len(pairs) < 3 or any(len(set(values)) == 1 for values in zip(*pairs, strict=True)):
        return None
    result = spearmanr(*zip(*pairs, strict=True))
    return float(result.statistic), float(result.pvalue), len(pairs)


def claim_results(
    measured: Mapping[Trial, Measured], seen: Mapping[Trial, Diagnosis], hidden: Sequence[str]
) -> list[ClaimResult]:
    results = []
    for claim in CLAIMS:
        if claim.one not in measured or claim.other not in measured:
            continue
        one, other = measured[claim.one], measured[claim.other]
        first, second = seen[claim.one], seen[claim.other]

        def gap(*splits: str, first: Diagnosis = first, second: Diagnosis = second) -> Gap:
            return Gap(*paired_interval(hits(first, splits), hits(second, splits)))

        results.append(
            ClaimResult(
                first=claim.first,
                second=claim.second,
                reported=claim.reported,
                one=one.run.val_accuracy,
                other=other.run.val_accuracy,
                val=gap("val"),
                val_shifted=gap("val_shifted"),
                hidden=gap(*hidden),
                hidden_one=Accuracy.of(hits(first, hidden)),
                hidden_other=Accuracy.of(hits(second, hidden)),
                n_trained=(one.run.train_images, other.run.train_images),
                where=one.run.contest,
            )
        )
    return results


def optimizer_results(
    measured: Mapping[Trial, Measured], seen: Mapping[Trial, Diagnosis], hidden: Sequence[str]
) -> list[OptimizerResult]:
    results = []
    for name, settings in OPTIMIZERS.items():
        trials = [trial for trial in optimizer_trials(name) if trial in measured]
        if len(trials) < 2:
            continue
        each = {
            split: [float(hits(seen[trial], parts).mean()) for trial in trials]
            for split, parts in (("val", ["val"]), ("val_shifted", ["val_shifted"]), ("hidden", list(hidden)))
        }
        spread = {split: (mean(values), stdev(values)) for split, values in each.items()}
        recipe = measured[trials[0]].run.recipe
        told = [setting for setting in settings if not setting.startswith("optimizer=")]
        results.append(
            OptimizerResult(
                name=name,
                settings=", ".join(told) or f"learning_rate={recipe.learning_rate:g}",
                n=len(trials),
                val=spread["val"],
                val_shifted=spread["val_shifted"],
                hidden=spread["hidden"],
                val_each=tuple(each["val"]),
            )
        )
    return results


def keep_expected(measured: Mapping[Trial, Measured], path: Path = MEASURED) -> None:
    """Write the table's measurements as what to expect of each row; those of other presets and contests stay."""
    known: dict[str, list[dict[str, Any]]] = msgspec.json.decode(path.read_bytes()) if path.is_file() else {}
    for trial, done in measured.items():
        if trial in TABLE:
            new = msgspec.to_builtins(facts(done))
            same = [(new[key]) for key in ("contest", "preset", "weights")]
            others = [
                old
                for old in known.get(trial.model, [])
                if [old[key] for key in ("contest", "preset", "weights")] != same
            ]
            known[trial.model] = [*others, new]
    write_atomic(path, msgspec.json.format(msgspec.json.encode(known, order="sorted"), indent=1) + b"\n")
