"""A workspace whose entries are recorded as `submit` records them, but for the run in the sandbox."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest

from harness.board.recorder import open_recorder
from harness.score.card import ScoreCard, SplitScore
from harness.score.estimate import Estimate
from harness.workspace import Workspace, atomic_file, write_atomic

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Desk:
    """Puts entries on record in one workspace."""

    workspace: Workspace

    def record(
        self,
        name="entry",
        public=0.5,
        *,
        private=None,
        outcome="scored",
        when=NOW,
        contest="blood-cells",
        lock="ab" * 32,
        **facts,
    ):
        """Keep a zip, labels and a card, and record them; return the receipt's line."""
        content = name.encode()
        digest = hashlib.sha256(content).hexdigest()
        write_atomic(self.workspace.zips() / f"{digest}.zip", content)
        labels = {"public": np.arange(8)} if outcome == "scored" else {}
        values = {"public": public} | ({} if private is None else {"private": private}) if labels else {}
        scored = {
            split: SplitScore(100, {"accuracy": Estimate(value, 0.0, 1.0, 100)}, {}, ())
            for split, value in values.items()
        }
        card = ScoreCard(
            outcome=outcome,
            message="",
            hint="",
            contest=contest,
            contest_version=1,
            rules=facts.pop("rules", {}),
            lock=lock,
            zip_sha256=digest,
            zip_bytes=len(content),
            scorer="0123456789ab",
            scores=scored,
            predictions={split: hashlib.sha256(array.tobytes()).hexdigest() for split, array in labels.items()},
            isolation="bubblewrap",
        )
        with open_recorder(self.workspace) as recorder:
            number = len(list(self.workspace.path.glob("cards/*/*.json"))) + 1
            kept = self.workspace.cards(contest) / f"{number}.json"
            write_atomic(kept, card.document())
            with atomic_file(kept.with_suffix(".npz")) as file:
                np.savez(file, allow_pickle=False, **labels)
            return recorder.record(
                created_at=when.isoformat(timespec="seconds"),
                name=name,
                message="first",
                contest=contest,
                lock=lock,
                outcome=outcome,
                zip_sha256=digest,
                weights="none",
                scorer=card.scorer,
                order=7,
                scores={split: {"accuracy": Estimate(value, 0.0, 1.0, 100)} for split, value in values.items()},
                predictions=card.predictions,
                card=kept.relative_to(self.workspace.path).as_posix(),
                card_sha256=hashlib.sha256(kept.read_bytes()).hexdigest(),
                labels=kept.with_suffix(".npz").relative_to(self.workspace.path).as_posix(),
                labels_sha256=hashlib.sha256(kept.with_suffix(".npz").read_bytes()).hexdigest(),
                environment=facts.pop("environment", {}),
                isolation="bubblewrap",
                restrictions=(),
                missing_restrictions=(),
                **facts,
            )


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(Workspace(tmp_path / "workspace"))
