"""A search on disk: its trials are rows of an SQLite file, and each is an ordinary run of ``hemobench train``.

    studies/<contest>/<model>-<key>.sqlite3    Optuna's own tables
    studies/<contest>/<model>-<key>/           best.toml, importances.png
    runs/<contest>/<model>-<key>/              of the best trial, and of the preset's own recipe; others are removed

What a search draws is a function of its seed and of the trials before, so that one which is taken up again goes on as
if it had run through.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from baselines.recipe import Recipe
from baselines.run_folder import RunFolder
from baselines.schedule import Epoch, best_epoch
from baselines.tune.space import changes
from baselines.tune.toml import recipe_toml
from baselines.tune.trial import EndedTrial, Target, Train, rank
from harness.errors import DivergedError, TrainError
from harness.progress import Track, silent
from harness.workspace import Workspace, write_atomic

if TYPE_CHECKING:
    import optuna

RANDOM_TRIALS = 8  # ended ones, after which what is drawn follows from what was measured
COMPLETE_FIRST = 4  # complete ones, before any may be pruned
ENDED = "ended"  # the attribute of a trial that keeps what came of it


def need_optuna() -> None:
    """Load Optuna, which no other verb needs.

    Raises
    ------
    TrainError
        It is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise TrainError(
            "The search needs Optuna, which is not installed.",
            'Type: make tune MODEL=NAME, which installs it first, or: pip install "hemobench[tune]"',
        ) from error


class Search:
    """One search; `opened` makes it.

    Parameters
    ----------
    workspace : Path
    target : Target
    """

    def __init__(self, workspace: Path, target: Target) -> None:
        self.target = target
        contest, name = target.frozen.contest.name, f"{target.baseline.name}-{target.key}"
        self.database = workspace / "studies" / contest / f"{name}.sqlite3"
        self.folder = workspace / "studies" / contest / name
        self.runs = Workspace(workspace).runs(contest)
        self.study: optuna.Study

    @property
    def best_file(self) -> Path:
        """The recipe of the best trial."""
        return self.folder / "best.toml"

    @property
    def figure(self) -> Path:
        return self.folder / "importances.png"

    @contextmanager
    def opened(self, on_wait: Callable[[], None]) -> Iterator[Search]:
        """Open the file, or make it, and take back what a killed process had begun; one process at a time.

        Parameters
        ----------
        on_wait : callable
            Called where another process has the search and has to be waited for.

        Raises
        ------
        TrainError
            Optuna is not installed, or cannot read or write the file.
        """
        need_optuna()
        import optuna
        from sqlalchemy.exc import SQLAlchemyError

        # Nothing that Optuna logs could be repaired by who reads it; what matters, we say.
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            with RunFolder(self.folder).locked(on_wait), self._storage() as storage:
                base = self.target.space.base
                self.study = optuna.create_study(
                    study_name=self.folder.name,
                    storage=storage,
                    direction="maximize",
                    load_if_exists=True,
                    pruner=optuna.pruners.MedianPruner(
                        n_startup_trials=COMPLETE_FIRST,
                        # The first half says little where the learning rate falls late, the head alone nothing.
                        n_warmup_steps=base.head_epochs + max(2, base.epochs // 2),
                    ),
                )
                if not self.study.get_trials(deepcopy=False):
                    self.study.enqueue_trial(self.target.space.start())
                self.take_back()
                yield self
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            raise self._unusable(error) from error
        finally:
            optuna.logging.set_verbosity(verbosity)

    @contextmanager
    def _storage(self) -> Iterator[optuna.storages.BaseStorage]:
        import optuna

        try:
            # The file as a function: in a URL a question mark, or a brace, of the path would be read as something else.
            storage = optuna.storages.RDBStorage(
                "sqlite:///study", engine_kwargs={"creator": lambda: sqlite3.connect(self.database)}
            )
        except RuntimeError as error:  # the tables are of another version of Optuna
            raise self._unusable(error) from error
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()

    def _unusable(self, error: Exception) -> TrainError:
        reason = str(error.__cause__ or error).strip().splitlines()[0].rstrip(".")
        return TrainError(
            f"Cannot use the study {self.database}: {reason}.",
            "Make room or rights; where the file is damaged, or of another version of Optuna, move it away.",
        )

    def take_back(self) -> None:
        """Mark trials that were begun and did not end as failed, and put each in line again, to go on where it was."""
        from optuna.trial import TrialState

        waiting = {trial.user_attrs.get("retries") for trial in self.study.get_trials(states=(TrialState.WAITING,))}
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            if ENDED in trial.user_attrs:  # it was killed between two writes
                self._write_state(trial.number, _read_ended(trial))
                continue
            # In this order: killed in between, it is in line all the same.
            if trial.number not in waiting:
                ours = {name: value for name, value in trial.user_attrs.items() if name == "ours"}
                self.study.enqueue_trial(trial.params, user_attrs={"retries": trial.number, **ours})
            self.study.tell(trial.number, state=TrialState.FAIL)

    def ended(self) -> list[EndedTrial]:
        """Return the trials that have ended, in their order; those taken back are not among them."""
        return [
            _read_ended(trial)
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state.is_finished() and ENDED in trial.user_attrs
        ]

    def n_taken_back(self) -> int:
        """Return how often a trial was interrupted."""
        return sum(
            trial.state.is_finished() and ENDED not in trial.user_attrs
            for trial in self.study.get_trials(deepcopy=False)
        )

    def run(
        self,
        n_trials: int,
        train: Train,
        *,
        tell: Callable[[str], None] = print,
        track: Track = silent,
        deadline: float = float("inf"),
    ) -> Iterator[EndedTrial]:
        """Run trials until `n_trials` have ended, those of earlier sittings included, and give each as it ends.

        Parameters
        ----------
        train : callable
            `baselines.train.train`.
        tell : callable
            Gets a line for each trial that begins, and those of its training.
        deadline : float, seconds of `time.monotonic`
            No trial begins after it.

        Raises
        ------
        KeyboardInterrupt
            Somebody pressed Ctrl-C; the next sitting goes on with the same trial.
        TrainError
            A run cannot be trained whatever its recipe.
        """
        self.tidy()
        while (n_ended := len(self.ended())) < n_trials and time.monotonic() < deadline:
            self.study.sampler = sampler(self.target.seed, n_ended)
            trial = self.study.ask()
            recipe = self.target.space.sample(trial)
            words = " ".join(changes(recipe, self.target.space.base)) or f"{self.target.start} as it is"
            tell(f"Trial {n_ended + 1} of {n_trials}: {words}")
            ended = self._one(n_ended + 1, trial, recipe, train, tell, track)
            # In this order: the state is what makes the trial ended, and by then its outcome is known.
            trial.set_user_attr(ENDED, msgspec.to_builtins(ended))
            self._write_state(trial.number, ended)
            self.tidy()
            yield ended

    def _one(
        self, number: int, trial: optuna.Trial, recipe: Recipe, train: Train, tell: Callable[[str], None], track: Track
    ) -> EndedTrial:
        import optuna

        for earlier in self.ended():
            if earlier.recipe == recipe:
                if earlier.val_accuracy is not None:
                    trial.report(earlier.val_accuracy, earlier.epochs)
                return msgspec.structs.replace(earlier, number=number, repeats=earlier.number)
        job = self.target.job(recipe)
        folder = RunFolder(self.runs / f"{self.target.baseline.name}-{job.key}")

        def report(epoch: Epoch) -> None:
            trial.report(epoch.val_accuracy, epoch.epoch)
            # After the last epoch there is nothing to save.
            if epoch.epoch < recipe.epochs and trial.should_prune():
                raise optuna.TrialPruned

        with folder.locked(lambda: tell("Another process trains this run; waiting for it.")):
            if "ours" not in trial.user_attrs:
                trial.set_user_attr("ours", not folder.path.exists())
            common: dict[str, Any] = {
                "number": number, "recipe": recipe, "run": folder.path.name, "ours": trial.user_attrs["ours"],
            }  # fmt: skip
            run = folder.finished()
            history = folder.read_history()
            try:
                if run is not None:
                    for epoch in history:
                        trial.report(epoch.val_accuracy, epoch.epoch)
                else:
                    for epoch in history:
                        report(epoch)
                    run = train(job, folder, tell=tell, track=track, after_epoch=report)
            except optuna.TrialPruned:
                history = folder.read_history()
                best = best_epoch(history)
                return EndedTrial(
                    **common,
                    state="pruned",
                    val_accuracy=best.val_accuracy,
                    val_loss=best.val_loss,
                    best_epoch=best.epoch,
                    epochs=len(history),
                    seconds=seconds(history),
                )
            except DivergedError as error:  # the one failure that is the recipe's fault; others would meet all trials
                history = folder.read_history()
                return EndedTrial(
                    **common, state="failed", error=error.message, epochs=len(history), seconds=seconds(history)
                )
        if run.stopped == "by hand":
            raise KeyboardInterrupt
        accuracy = run.val_accuracy
        return EndedTrial(
            **common,
            state="complete",
            val_accuracy=accuracy.value,
            val_interval=(accuracy.low, accuracy.high),
            val_n=accuracy.n,
            val_loss=run.val_loss,
            best_epoch=run.best_epoch,
            epochs=run.epochs,
            seconds=run.seconds,
        )

    def _write_state(self, number: int, ended: EndedTrial) -> None:
        from optuna.trial import TrialState

        if ended.state == "complete":
            self.study.tell(number, ended.val_accuracy)
        else:
            self.study.tell(number, state=TrialState.PRUNED if ended.state == "pruned" else TrialState.FAIL)

    def tidy(self) -> None:
        """Keep the best recipe as a file, and of the runs that the search made the best one's and the preset's."""
        trials = self.ended()
        ranked = rank(trials)
        if ranked:
            words = f"of {self.target.baseline.name} on {self.target.frozen.contest.name}, {self.folder.name}"
            comment = f"The best recipe of a search {words}: trial {ranked[0].number}."
            write_atomic(self.best_file, recipe_toml(ranked[0].recipe, comment).encode())
        kept = {trial.run for trial in ranked[:1]}
        kept |= {trial.run for trial in trials if trial.recipe == self.target.space.base}
        # Once and not again: what is there later under the same name, somebody trained.
        removed: list[str] = self.study.user_attrs.get("removed", [])
        old = {trial.run for trial in trials if trial.ours} - kept - set(removed)
        for name in sorted(old):
            folder = RunFolder(self.runs / name)
            if folder.path.exists():
                with folder.locked(lambda: None):
                    folder.clear()
        if old:
            self.study.set_user_attr("removed", [*removed, *sorted(old)])


def sampler(seed: int, n_ended: int) -> optuna.samplers.BaseSampler:
    """Return what draws the next trial, in a state that follows from the seed and the number of trials ended."""
    import optuna

    state = np.random.SeedSequence([seed, n_ended]).generate_state(1)[0]
    return optuna.samplers.TPESampler(n_startup_trials=RANDOM_TRIALS, seed=int(state))


def seconds(history: Sequence[Epoch]) -> float:
    """Return how long some epochs took, whenever that was."""
    return round(sum(epoch.seconds for epoch in history), 1)


def _read_ended(trial: optuna.trial.FrozenTrial) -> EndedTrial:
    return msgspec.convert(trial.user_attrs[ENDED], EndedTrial)
