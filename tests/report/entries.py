"""A board for tests: entries of a wanted accuracy, recorded as `submit` does, but for the run in the sandbox."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from harness.analysis.document import Report
from harness.analysis.pairwise import Pairwise
from harness.board.receipts import Scored
from harness.board.recorder import open_recorder
from harness.freeze.frozen import Frozen, open_frozen
from harness.sandbox.content_key import content_key
from harness.score.card import ScoreCard, score_split
from harness.score.evaluate import SPLITS, labels_of
from harness.workspace import Workspace, atomic_file, write_atomic

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
FALL = {"val": 0.0, "val_shifted": 0.25, "public": 0.2, "private": 0.2}  # how much less than on validation


@dataclass(frozen=True)
class Desk:
    """Puts made-up entries on record in a workspace whose contest is real."""

    workspace: Workspace

    @property
    def frozen(self) -> Frozen:
        return open_frozen(self.workspace)

    def labels(self, accuracy: float, seed: int, private_seed: int) -> dict[str, np.ndarray]:
        """Draw labels that are right with a chance that falls from split to split."""
        n_classes, found = self.frozen.contest.n_classes, {}
        for split, (_, y_true) in labels_of(self.frozen).items():
            rng = np.random.default_rng([private_seed if split == "private" else seed, SPLITS.index(split)])
            wrong = (y_true + rng.integers(1, n_classes, len(y_true))) % n_classes
            found[split] = np.where(rng.random(len(y_true)) < max(0.0, accuracy - FALL[split]), y_true, wrong)
        return found

    def probabilities(self, said: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draw probabilities that are greatest for the labels said, and greater where those are right."""
        n_classes, found = self.frozen.contest.n_classes, {}
        for split, (_, y_true) in labels_of(self.frozen).items():
            rng = np.random.default_rng(SPLITS.index(split))
            drawn = rng.uniform(0.3, 1, len(y_true)) ** np.where(said[split] == y_true, 0.3, 1.0)
            rest = (1 - drawn) / (n_classes - 1)
            table = np.repeat(rest[:, None], n_classes, axis=1)
            table[np.arange(len(y_true)), said[split]] = drawn
            found[f"{split}_probabilities"] = table.astype(np.float32)
        return found

    def record(
        self,
        name: str,
        accuracy: float = 0.9,
        *,
        number: int = 0,
        message: str = "",
        outcome: str = "scored",
        private_seed: int | None = None,
        weights: str = "none",
        why: str = "",
        sure: bool = False,
        withheld: bool = False,
        recipe: str = "",
        seed_of_recipe: int | None = None,
        said: dict[str, np.ndarray] | None = None,
        log: str = "",
        hidden_log: str = "",
        packed: Path | None = None,
        **facts: Any,
    ) -> int:
        """Record an entry and return its id.

        `private_seed` draws its labels of the private half anew; `said` are labels to record in place of drawn ones;
        one that is `sure` gives probabilities, too; `packed` is a zip to keep as its own.
        """
        frozen, seed = self.frozen, number * 7919 + len(name)
        if said is None:
            drawn = self.labels(accuracy, seed, seed if private_seed is None else private_seed)
            said = drawn if outcome == "scored" else {}
        truth = labels_of(frozen)
        scores = {split: score_split(frozen.contest, truth[split][1], labels) for split, labels in said.items()}
        digest = hashlib.sha256(packed.read_bytes() if packed else f"{name} {number}".encode()).hexdigest()
        if packed:
            write_atomic(self.workspace.zips() / f"{digest}.zip", packed.read_bytes())
            facts["content"] = content_key(packed, frozen.contest.limits)
        card = ScoreCard(
            outcome=outcome,
            message=why,
            hint="",
            contest=frozen.contest.name,
            contest_version=1,
            lock=frozen.lock_hash,
            zip_sha256=digest,
            zip_bytes=1_234_567,
            scorer="0123456789ab",
            scores=scores,
            predictions={split: hashlib.sha256(labels.tobytes()).hexdigest() for split, labels in said.items()},
            isolation="bubblewrap",
            seconds={"wall": 12.0},
            peak_memory_mb=345.0,
            log=log,
            hidden_log=hidden_log,
        )
        when = START + timedelta(minutes=7 * number)
        kept = self.workspace.cards(frozen.contest.name) / f"{when:%Y%m%dT%H%M%S.%f}Z-{digest[:12]}.json"
        with open_recorder(self.workspace) as recorder:
            write_atomic(kept, card.document())
            if said:
                with atomic_file(kept.with_suffix(".npz")) as file:
                    np.savez(file, allow_pickle=False, **said, **(self.probabilities(said) if sure else {}))
            line = recorder.record(
                created_at=when.isoformat(timespec="seconds"),
                name=name,
                message=message,
                contest=card.contest,
                lock=card.lock,
                outcome=outcome,
                recipe=recipe,
                seed=seed_of_recipe,
                withheld=withheld,
                zip_sha256=digest,
                weights=weights,
                scorer=card.scorer,
                order=7,
                scores={split: score.metrics for split, score in scores.items()},
                predictions=card.predictions,
                card=kept.relative_to(self.workspace.path).as_posix(),
                card_sha256=hashlib.sha256(kept.read_bytes()).hexdigest(),
                labels=kept.with_suffix(".npz").relative_to(self.workspace.path).as_posix() if said else "",
                labels_sha256=hashlib.sha256(kept.with_suffix(".npz").read_bytes()).hexdigest() if said else "",
                environment={},
                isolation="bubblewrap",
                restrictions=(),
                missing_restrictions=(),
                **facts,
            )
        assert isinstance(line.receipt, Scored)
        return line.receipt.entry

    def fill(self, *, private_seed: int | None = None) -> None:
        """Record a small board: good and bad entries, one that copies another, one that failed, odd names."""
        for number, accuracy in enumerate((0.55, 0.95, 0.93, 0.75, 0.35, 0.85)):
            self.record(
                f"team {number}",
                accuracy,
                number=number,
                message=f"attempt {number}",
                private_seed=private_seed and private_seed + number,
                weights="imagenet" if number % 2 else "none",
            )
        self.record(ODD, 0.8, number=6, message=ODD, private_seed=private_seed and private_seed + 6)
        self.record("broken", number=7, outcome="load_failed", why="model.h5 <b>is missing</b>.")


ODD = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&"


def pairwise_of(entries: int, report: Report) -> Pairwise:
    """What a board of so many entries would say of its pairs: numbers as long as they come."""
    pairs = entries * (entries - 1) // 2
    of = {
        name: {split.name: (number,) * pairs for split in report.splits}
        for name, number in (("gained", 1000), ("lost", 1000), ("low", -0.123), ("high", 0.123), ("p", 0.987654321))
    }
    return Pairwise(tuple(range(entries)), **of, adjusted=(0.123456789,) * pairs)
