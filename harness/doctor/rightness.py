"""Is it right?  The same public pictures shown in several ways, and whether one is better than the plain one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.contest import Contest
from harness.doctor.answers import Gain, Labels, gain, in_order, name_order, order_of, percent
from harness.doctor.findings import Finding, Severity
from harness.doctor.inputs import INPUTS, find_input
from harness.doctor.learning import memorised, never_said, no_better_than_majority
from harness.doctor.mending import Plan
from harness.doctor.steadiness import float_differs, unsteady
from harness.doctor.ways import AGAIN, ALONE, AS_SUBMITTED, FIRST, SHUFFLED, SIXTY_FOUR, TRAIN
from harness.freeze.frozen import Frozen, LabelledImages
from harness.sandbox.outcome import EntryRun
from harness.sandbox.passes import Pass

# Enough to see 6 points on 384 pictures; VGG16, at 40 pictures a second on 2 cores, needs a minute for all of it.
N_VAL, N_SCREEN, N_TRAIN, N_ALONE = 384, 96, 192, 32
PROMISING = 0.02  # what a way must gain in the first look to be tried on the other pictures
CLOSE = 0.04  # ways so near to the best of the first look are tried, too, at most three
N_CLOSE = 3
EQUAL = 0.005  # of two ways so near to each other, the plainer is named

Show = Callable[[list[Pass]], EntryRun]


@dataclass(frozen=True)
class Sample:
    """Public pictures for a trial: of val in an order of chance, and of train."""

    val: LabelledImages
    train: LabelledImages
    shuffle: NDArray[np.int64]  # another order of the first `n_screen` pictures

    @property
    def n_screen(self) -> int:
        return len(self.shuffle)


def draw(frozen: Frozen, rng: np.random.Generator) -> Sample:
    """Draw the pictures of a trial from what everybody may see."""

    def some(split: LabelledImages, n: int) -> LabelledImages:
        chosen = rng.permutation(len(split.labels))[:n]
        return LabelledImages(split.images[chosen], split.labels[chosen].astype(np.int64))

    val = some(frozen.load("val"), N_VAL)
    return Sample(val, some(frozen.load("train"), N_TRAIN), rng.permutation(min(N_SCREEN, len(val.labels) // 3)))


def passes(sample: Sample) -> list[Pass]:
    """Return all ways in which the pictures are shown; only the plain one has to work."""
    screen, n = sample.val.images[: sample.n_screen], sample.n_screen
    optional = [
        Pass(FIRST, screen),
        Pass(AGAIN, screen),
        Pass(SHUFFLED, screen[sample.shuffle]),
        Pass(SIXTY_FOUR, screen, (64,) if n > 64 else (max(1, n // 2),)),
        Pass(ALONE, screen[:N_ALONE], (1,)),
        Pass(TRAIN, sample.train.images),
        *(Pass(way.name, way.show(screen)) for way in INPUTS),
    ]
    return [Pass(AS_SUBMITTED, sample.val.images), *(replace(one, needed=False) for one in optional)]


@dataclass
class Trial:
    """Answers to the pictures, what was found in them, and how it is to be mended.

    Attributes
    ----------
    run : EntryRun
        Of `passes`.
    plan : Plan
        What was mended before, then what is to be mended as well.
    accuracy : dict of str to float
        By way of showing.
    n : dict of str to int
        How many pictures each is of.
    """

    contest: Contest
    sample: Sample
    run: EntryRun
    plan: Plan = field(default_factory=Plan)
    findings: list[Finding] = field(default_factory=list)
    accuracy: dict[str, float] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)

    def judge(self, show: Show) -> None:
        """Fill in all that the answers tell; `show` runs the entry once more where a promise is to be confirmed."""
        true, said = self.sample.val.labels, self.run.predictions[AS_SUBMITTED]
        self._keep(AS_SUBMITTED, said == true)
        better = self._better_input(show)
        if better is not None:
            true, said = true[self.sample.n_screen :], better
        found = order_of(true, said, self.contest.n_classes)
        if found:
            self.findings.append(self._permuted(*found))
            self.plan = replace(self.plan, order=found[0])
            said = in_order(said, found[0])
        self.findings += never_said(true, said, self.contest.class_names)
        self.findings += unsteady(self.run, self.sample.shuffle)
        if better is not None or found:
            return  # what the model learnt shows only in the mended zip
        self.findings += float_differs(self.run)
        self.findings += no_better_than_majority(true, said)
        if TRAIN in self.run.predictions:
            hits = self.run.predictions[TRAIN] == self.sample.train.labels
            self._keep(TRAIN, hits)
            self.findings += memorised(hits, said == true)

    def _keep(self, name: str, hits: NDArray[np.bool_]) -> None:
        self.accuracy[name], self.n[name] = float(hits.mean()), len(hits)

    def _order(self, true: Labels, said: Labels) -> tuple[int, ...]:
        """Return the order that answers need; empty where they stand right."""
        found = order_of(true, said, self.contest.n_classes)
        return found[0] if found else ()

    def _better_input(self, show: Show) -> Labels | None:
        """Return the answers to fresh pictures, shown in the way that is clearly better than the plain one.

        A first look at a few pictures chooses; the others, which had no part in the choice, decide.
        """
        n = self.sample.n_screen
        names = self._promising(self.sample.val.labels[:n])
        if not names:
            return None
        true, fresh = self.sample.val.labels[n:], self.sample.val.images[n:]
        answers = show([Pass(name, find_input(name).show(fresh), needed=False) for name in names]).predictions
        plain = self.run.predictions[AS_SUBMITTED][n:]
        shares: dict[str, float] = {}
        gains: dict[str, Gain] = {}
        for name, said in answers.items():
            order = self._order(true, said)  # the same for both ways: that of classes is another question
            hits = in_order(said, order) == true
            gains[name] = gain(in_order(plain, order) == true, hits)
            self._keep(name, hits)
            shares[name] = float(hits.mean())
        if not shares:
            return None
        best = next(name for name in names if shares.get(name, 0) >= max(shares.values()) - EQUAL)
        if not gains[best].clear:
            return None
        others = {name: share for name, share in shares.items() if name != best}
        self.findings.append(_other_input(best, gains[best], others))
        self.plan = replace(self.plan, input=best)
        return answers[best]

    def _promising(self, true: Labels) -> list[str]:
        """Return the few ways that were better than the plain one in a first look, the plainest first."""
        shares = {}
        for name in (AS_SUBMITTED, *(way.name for way in INPUTS if way.name in self.run.predictions)):
            said = self.run.predictions[name][: len(true)]
            hits = in_order(said, self._order(true, said)) == true
            shares[name] = float(hits.mean())
            if name != AS_SUBMITTED:
                self._keep(name, hits)
        plain = shares.pop(AS_SUBMITTED)
        top = max(shares.values(), default=0.0)
        close = [name for name, share in shares.items() if share >= max(plain + PROMISING, top - CLOSE)]
        chosen = sorted(close, key=lambda name: -shares[name])[:N_CLOSE]
        return [name for name in shares if name in chosen]

    def _permuted(self, order: tuple[int, ...], found: Gain) -> Finding:
        return Finding(
            code="class-order",
            severity=Severity.WRONG,
            title="Its classes stand in another order than the contest's",
            cause="Labels are numbered by the order in which the training listed its classes: "
            f"{name_order(order, self.contest.class_names)}.",
            evidence=f"{percent(found.before)} as it answers, {percent(found.after)} with the classes in order: "
            f"{found.told()}. The order was taken from half of them and judged on the other, both ways round.",
            mend=f"Return np.array({list(order)})[labels]",
            fixable=True,
        )


def _other_input(name: str, found: Gain, others: dict[str, float]) -> Finding:
    way = find_input(name)
    close = "".join(f" When {other}: {percent(share)}." for other, share in others.items())
    return Finding(
        code="input-scale",
        severity=Severity.WRONG,
        title=f"{percent(found.before)} as submitted, {percent(found.after)} when inputs are {way.name}: "
        f"your model {way.trained}",
        cause="predict gets raw pictures, RGB, 0–255; what the training did to them has to be done in predict as well.",
        evidence=f"{found.told()}, none of which had a part in choosing among {len(INPUTS)} ways.{close}",
        mend=way.remedy,
        fixable=True,
    )
