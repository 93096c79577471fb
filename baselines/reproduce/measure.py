"""From a trial to what was measured of it, through the same doors as anybody's: train, pack, sandbox, score, board."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from baselines.baseline import PresetName
from baselines.entries import find
from baselines.job import Job, plan
from baselines.reproduce.trials import Trial
from baselines.run_folder import Run, RunFolder
from baselines.weights import Weights, find_weights
from harness import api
from harness.api import Frozen
from harness.errors import TrainError
from harness.progress import Track, silent
from harness.score.card import ScoreCard
from harness.workspace import Workspace, write_atomic

LIMIT = "train_limit="
SCORED = "scored.json"  # in the run folder: which card is this run's


class Scored(msgspec.Struct, frozen=True):
    """Where the score card of a run lies, relative to the workspace."""

    card: str
    name: str


class Measured(msgspec.Struct, frozen=True):
    """One trial that was run: what its training says, and what its zip scored."""

    trial: Trial
    run: Run
    folder: Path
    card: ScoreCard
    kept: Path  # the card's file


class Bench:
    """The workspace in which trials are run.

    Parameters
    ----------
    preset : str
        Of the table's rows; a trial that changes a recipe changes the quick one, so that claims compare short runs.
    weights : str
        As ``train --weights`` takes it.
    offline : bool
        Download nothing.
    """

    def __init__(
        self, workspace: Path, contest: str | None, preset: PresetName, weights: str, *, offline: bool = False
    ) -> None:
        self.workspace = workspace
        self.frozen = api.open_contest(workspace, contest)
        self.preset, self.weights, self.offline = preset, weights, offline
        self.found: dict[str, Weights] = {}
        self.planted = workspace / "reproduce" / "planted"  # a workspace of its own: the active contest stays

    def home(self, trial: Trial) -> Path:
        """Return the workspace in which a trial is run."""
        return self.planted if trial.planted else self.workspace

    def contest_of(self, trial: Trial) -> Frozen:
        return api.open_contest(self.planted) if trial.planted else self.frozen

    def settings_of(self, trial: Trial) -> tuple[str, ...]:
        """Return a trial's changes to the recipe, less a limit that the contest's images do not reach."""
        n_train = sum(self.contest_of(trial).lock.counts["train"].values())
        return tuple(
            setting
            for setting in trial.settings
            if not setting.startswith(LIMIT) or int(setting.removeprefix(LIMIT)) < n_train
        )

    def preset_of(self, trial: Trial) -> PresetName:
        return "quick" if trial.settings else self.preset

    def job(self, trial: Trial, track: Track = silent) -> Job:
        """Return the job of a trial; for that its contest must be frozen."""
        baseline = find(trial.model)
        name = baseline.report_of or baseline.name
        if name not in self.found:  # looked for once: each look may wait for a host that does not answer
            wanted = self.weights_of(trial)
            self.found[name] = find_weights(name, baseline.pretrained, wanted, track=track, offline=self.offline)
        frozen = self.contest_of(trial)
        return plan(baseline, frozen, self.preset_of(trial), self.found[name], trial.seed, self.settings_of(trial))

    def planted_is_frozen(self) -> bool:
        return (self.planted / "active").is_file()

    def weights_of(self, trial: Trial) -> str:
        """Return what to say to ``train --weights`` for a trial: models without weights take none."""
        return self.weights if find(trial.model).pretrained else "auto"

    def folder(self, job: Job) -> RunFolder:
        home = self.planted if job.frozen is not self.frozen else self.workspace
        return RunFolder(Workspace(home).runs(job.frozen.contest.name) / f"{job.baseline.name}-{job.key}")

    def look_up(self, trial: Trial, track: Track = silent) -> Measured | None:
        """Return what was measured of a trial before, or None where that is not done, or not whole."""
        if trial.planted and not self.planted_is_frozen():
            return None
        folder = self.folder(self.job(trial, track))
        run, marker = folder.finished(), folder.path / SCORED
        if run is None or not marker.is_file():
            return None
        scored = msgspec.json.decode(marker.read_bytes(), type=Scored)
        kept = self.home(trial) / scored.card
        if not kept.is_file():
            return None
        return Measured(trial, run, folder.path, msgspec.json.decode(kept.read_bytes(), type=ScoreCard), kept)

    def measure(self, trial: Trial, tell: Callable[[str], None], track: Track = silent) -> Measured:
        """Run a trial, or take it up where it was interrupted, and return what was measured.

        Raises
        ------
        TrainError
            It could not be trained, or its zip was not scored.
        """
        if trial.planted and not self.planted_is_frozen():
            tell("Freezes the embedded contest, whose source is planted with copies.")
            api.freeze(self.planted, track=track)
        done = self.look_up(trial, track)
        if done is not None:
            return done
        job = self.job(trial)
        weights = str(job.weights.path) if job.weights.path else "none" if job.baseline.pretrained else "auto"
        options = ["--preset", self.preset_of(trial), "--seed", str(trial.seed), "--weights", weights]
        options += [word for setting in self.settings_of(trial) for word in ("--set", setting)]
        home = self.home(trial)
        submitted = api.submit(
            home, trial.model, "reproduce", job.frozen.contest.name, name=trial.label, train_options=options
        )
        if submitted.card.outcome != "scored":
            raise TrainError(f"{trial.label} was not scored: {submitted.card.message}", submitted.card.hint)
        scored = Scored(str(submitted.kept.relative_to(home)), submitted.name)
        write_atomic(self.folder(job).path / SCORED, msgspec.json.encode(scored))
        done = self.look_up(trial)
        if done is None:
            raise TrainError(
                f"{trial.label} was trained and scored, but what it left in {home} is not what was asked for.",
                "Did something else train it meanwhile? Type the command again.",
            )
        return done


def facts(measured: Measured) -> dict[str, Any]:
    """Return what a row of ``expected.json`` says of a run."""
    scores = measured.card.scores
    return {
        "contest": measured.run.contest,
        "preset": measured.run.preset,
        "weights": measured.run.weights,
        "seconds": measured.run.seconds,
        **{split: scores[split].metrics["accuracy"] for split in ("val", "val_shifted", "public") if split in scores},
    }
