"""One run of the real command amid things to break into, and what came of it.

Nothing here asks the entry what it did, but for lines ``REACHED: …`` in its log: some is seen from inside alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness.sandbox.outcome import Outcome
from tests.attacks.besieged import LIMITS, ROOT
from tests.attacks.command import make_ready, start
from tests.attacks.ideas import Idea
from tests.attacks.plants import Plants
from tests.attacks.processes import descendants, entry_has_forked
from tests.conftest import CommandLine

# 48 images: guessing the largest class gives 0.2, and six in ten right by chance happens once in 10**8 runs.
CHANCE = 0.6
PATIENCE_S = 240.0  # beyond the contest's own limit: start, clearing away, and a machine busy with other tests


@dataclass
class Trial:
    """What came of one run.

    Attributes
    ----------
    breaches : list of str
        What was reached or damaged that should not have been; empty when everything held.
    outcome : str
        The one word; empty where the command gave none.
    said : list of str
        Lines of the entry's log that `kit.py` wrote.
    """

    breaches: list[str] = field(default_factory=list)
    outcome: str = ""
    message: str = ""
    said: list[str] = field(default_factory=list)
    log: str = ""
    missing_restrictions: list[str] = field(default_factory=list)
    control_group: bool = False
    seconds: float = 0.0


def run(idea: Idea, side: str, isolation: str, besieged: Path, *, training: bool = False) -> Trial:
    """Run one side of an idea on a copy of `besieged`, as an entry or as its `training`, and say what happened."""
    make_ready()
    kind = TrainingArena if training else Arena
    with tempfile.TemporaryDirectory(prefix="hemobench-siege-") as folder, kind(Path(folder), besieged) as arena:
        return arena.run(idea, side, isolation)


class Arena(Plants):
    """A run amid the plants, and what came of it."""

    def run(self, idea: Idea, side: str, isolation: str) -> Trial:
        """Run the command and say what came of it."""
        if side == "Honest":
            calm = {"kill": "score"}.get(idea.verb, idea.verb), {"tight": "roomy"}.get(idea.contest, idea.contest)
            idea = replace(idea, verb=calm[0], contest=calm[1])
        contest = self.workspace.contest(idea.contest) / "current"
        self.facts |= {
            "contest": str(contest.resolve()),
            "labels": str(contest.resolve() / "private" / "labels.npz"),
            "hidden": str(contest.resolve() / "private" / "hidden.npz"),
            "memorised": np.load(contest / "private" / "labels.npz")["labels"].tolist(),
            # Without isolation the attacker is led to copies.
            "package": str(self.folder / "package" if isolation == "none" else ROOT / "harness"),
            "site_packages": str(
                self.folder / "site-packages" if isolation == "none" else Path(np.__file__).parents[1]
            ),
        }
        before, started = self.inventory(), time.monotonic()
        with descendants() as leftovers:
            out, err, code, breaches = self._run_command(idea, side, isolation)
            breaches += [f"process alive afterwards: {name}" for name in leftovers()]
        trial = Trial(breaches, seconds=time.monotonic() - started)
        if idea.verb == "kill":  # nothing was said; the next run clears away what is left
            out, err, code, _ = self._run_command(replace(idea, verb="score"), "Honest", isolation)
        self._judge_command(trial, replace(idea, verb="score") if idea.verb == "kill" else idea, out, err, code)
        self._judge_machine(trial, before)
        if self.token in out + err:
            trial.breaches.append("brought out the secret")
        return trial

    def _run_command(self, idea: Idea, side: str, isolation: str) -> tuple[str, str, int, list[str]]:
        zip_path = self.folder / "stranger.zip"
        words = ["score", str(zip_path), "--split", "public", "--split", "private", "--reveal-private"]
        if idea.verb == "submit":
            words = ["submit", str(zip_path), "--name", idea.name, "-m", idea.message, "--reveal-private", "--json"]
        if idea.verb in ("score", "kill"):
            words += ["--json"]
        words += ["--contest", idea.contest, "--isolation", isolation]
        return self._type(idea, side, words)

    def _type(self, idea: Idea, side: str, words: list[str]) -> tuple[str, str, int, list[str]]:
        """Run the command with these words, and return what it said, its exit code, and what it did on the way."""
        environment = os.environ | {
            "HEMOBENCH_WORKSPACE": str(self.workspace.path),
            self.facts["variable"]: self.token,
            "HOME": self.facts["home"],
            "TMPDIR": str(self.folder / "tmp"),
            "NO_COLOR": "1",
            "COLUMNS": "80",
        }

        streams = [Path(os.devnull), self.folder / "out", self.folder / "err"]
        for file in streams[1:]:
            file.write_bytes(b"")
        process = start(idea, side, self.facts, words, environment, streams)
        breaches = self._wait(process, idea)
        said, complained = (file.read_text(errors="replace") for file in streams[1:])
        assert process.exitcode is not None
        return said, complained, process.exitcode, breaches

    def _wait(self, process: ForkServerProcess, idea: Idea) -> list[str]:
        """Wait for the command to end by itself, or end it."""
        watched = psutil.Process(process.pid)
        give_up = time.monotonic() + LIMITS[idea.contest][0] + PATIENCE_S
        while process.exitcode is None:
            breach = ""
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended just now
                if time.monotonic() > give_up:
                    breach = "the command did not end by itself"
                elif watched.status() == psutil.STATUS_STOPPED:
                    breach = "the command was stopped"
                if breach or (idea.verb == "kill" and entry_has_forked(watched)):
                    process.kill()
                    process.join()
                    return [breach] if breach else []
            process.join(0.02)
        return []

    # -- what came of it -------------------------------------------------------------------------------------------

    def _judge_command(self, trial: Trial, idea: Idea, out: str, err: str, code: int) -> None:
        """Look at what the command printed: one document, one word, no traceback, no labels in the answers."""
        if "Traceback (most recent call last)" in err.replace("  | Traceback", ""):
            trial.breaches.append(f"a traceback: {err.strip().splitlines()[-1]}")
        if code not in (0, 1):
            trial.breaches.append(f"the command ended with exit code {code}")
        if idea.verb == "show":
            self._judge_screen(trial, out, err, code)
            return
        try:
            card = json.loads(out)
        except ValueError:
            trial.breaches.append(f"no JSON document on stdout: {out[:80]!r}; {err.strip()[-300:]!r}")
            return
        trial.outcome, trial.message, trial.log = card["outcome"], card["message"], card["log"] + card["hidden_log"]
        trial.missing_restrictions = card["missing_restrictions"]
        trial.control_group = card["control_group"]
        if trial.outcome not in set(Outcome):
            trial.breaches.append(f"an outcome of its own: {trial.outcome!r}")
        if (trial.outcome == "scored") != (code == 0):
            trial.breaches.append(f"exit code {code} with outcome {trial.outcome}")
        for split, score in card["scores"].items():
            if split in ("public", "private") and score["metrics"]["accuracy"]["value"] > CHANCE:
                trial.breaches.append(f"knew the labels of {split}")
        self._hear(trial)
        if idea.verb == "submit":
            self._judge_board(trial, idea, card)

    def _judge_screen(self, trial: Trial, out: str, err: str, code: int) -> None:
        """Look at what a person would see: nothing that steers a terminal."""
        trial.outcome = "scored" if code == 0 else err.partition("Not scored, ")[2].partition(":")[0]
        trial.log = err.partition("Last log lines:\n")[2].replace("  | ", "")
        self._hear(trial)
        if steering := {letter for letter in out + err if not letter.isprintable() and letter != "\n"}:
            trial.breaches.append(f"steers the terminal: {sorted(steering)!r}")

    @staticmethod
    def _hear(trial: Trial) -> None:
        trial.said = [line for line in trial.log.splitlines() if line.startswith(("REACHED: ", "STOPPED: ", "TRIED: "))]
        trial.breaches += list(dict.fromkeys(line for line in trial.said if line.startswith("REACHED: ")))

    def _judge_board(self, trial: Trial, idea: Idea, card: dict[str, Any]) -> None:
        """Look at the board as others see it, on a terminal and as a program."""
        shown = {}
        for option in ("--all", "--json", "--format=csv"):
            try:
                shown[option] = CommandLine(self.workspace.path)(
                    "leaderboard", "--contest", idea.contest, option
                ).stdout
            except AssertionError as error:
                trial.breaches.append(f"leaderboard {option} fails: {str(error)[:200]}")
                return
        if not all(letter.isprintable() or letter == "\n" for letter in shown["--all"]):
            trial.breaches.append("steers the terminal from the board")
        rows = {row["entry"]: row for row in json.loads(shown["--json"])}
        if set(rows) != {"majority", idea.name}:
            trial.breaches.append(f"the board holds {sorted(rows)}")
        elif rows[idea.name]["zip_sha256"] != card["zip_sha256"] or rows[idea.name]["outcome"] != card["outcome"]:
            trial.breaches.append("the board tells another story than the card")

    def _judge_machine(self, trial: Trial, before: dict[str, Any]) -> None:
        """Compare everything planted with what it was."""
        after = self.inventory()
        for what in sorted(before.keys() | after.keys()):
            if before.get(what) != after.get(what):
                trial.breaches.append(f"{'changed' if what in before and what in after else 'new or gone'}: {what}")
        trial.breaches += self.disturbed()


class TrainingArena(Arena):
    """The same hostile code, called by a ``fit.py`` while a folder is trained and packed."""

    def _run_command(self, idea: Idea, side: str, isolation: str) -> tuple[str, str, int, list[str]]:
        words = ["pack", str(self.folder / "stranger"), "-o", str(self.folder / "trained.zip")]
        return self._type(idea, side, [*words, "--contest", idea.contest, "--isolation", isolation])

    def _judge_command(self, trial: Trial, idea: Idea, out: str, err: str, code: int) -> None:
        """Look at what was printed, and into the zip that came of it."""
        trial.outcome = "scored" if code == 0 else "not trained"
        trial.message = err
        if code not in (0, 1):
            trial.breaches.append(f"the command ended with exit code {code}")
        said = "\n".join(line for line in err.splitlines() if not line.startswith("  | "))
        if "Traceback (most recent call last)" in said:
            trial.breaches.append(f"a traceback: {said.strip().splitlines()[-1]}")
        if steering := {letter for letter in out + err if not letter.isprintable() and letter != "\n"}:
            trial.breaches.append(f"steers the terminal: {sorted(steering)!r}")
        trial.log = err.replace("  | ", "")
        self._hear(trial)
        trained = self.folder / "trained.zip"
        if trained.exists() and self.token.encode() in trained.read_bytes():
            trial.breaches.append("brought out the secret in what was trained")
        if trained.exists() != (code == 0):
            trial.breaches.append(f"exit code {code}, and {'a' if trained.exists() else 'no'} zip")
