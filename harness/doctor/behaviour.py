"""How a submission behaves on public images: accuracy, label order, class coverage, determinism."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.contest import Contest
from harness.doctor.findings import Finding, Severity
from harness.doctor.label_order import Gain, Hits, Labels, gain, in_order, name_order, order_of, percent
from harness.doctor.repair import INPUTS, Plan, find_input
from harness.freeze.frozen import Frozen, LabelledImages
from harness.sandbox.outcome import EntryRun
from harness.sandbox.prediction_plan import PredictionRequest
from harness.sandbox.resolve_outcome import NOT_DONE
from harness.score.stats import wilson_interval
from harness.words import counted

AS_SUBMITTED, REPAIRED, FLOAT = "val", "repaired", INPUTS[0].name
FIRST, AGAIN, SHUFFLED, ALONE, SIXTY_FOUR, TRAIN = "once", "twice", "shuffled", "batches of 1", "batches of 64", "train"

# Enough to see 6 points on 384 images; VGG16, at 40 images a second on 2 cores, needs a minute for all of it.
N_VAL, N_SCREEN, N_TRAIN, N_ALONE = 384, 96, 192, 32
PROMISING = 0.02  # what a way must gain in the first look to be tried on the other images
CLOSE = 0.04  # ways so near to the best of the first look are tried, too, at most three
N_CLOSE = 3
EQUAL = 0.005  # of two ways so near to each other, the plainer is named

Show = Callable[[list[PredictionRequest]], EntryRun]


@dataclass(frozen=True)
class Sample:
    """Public images for a trial: of val in an order of chance, and of train."""

    val: LabelledImages
    train: LabelledImages
    shuffle: NDArray[np.int64]  # another order of the first `n_screen` images

    @property
    def n_screen(self) -> int:
        return len(self.shuffle)


def draw(frozen: Frozen, rng: np.random.Generator) -> Sample:
    """Draw the images of a trial from what everybody may see."""

    def some(split: LabelledImages, n: int) -> LabelledImages:
        chosen = rng.permutation(len(split.labels))[:n]
        return LabelledImages(split.images[chosen], split.labels[chosen].astype(np.int64))

    val = some(frozen.load("val"), N_VAL)
    return Sample(val, some(frozen.load("train"), N_TRAIN), rng.permutation(min(N_SCREEN, len(val.labels) // 3)))


def requests(sample: Sample) -> list[PredictionRequest]:
    """Return all ways in which the images are shown; only the plain one has to work."""
    screen, n = sample.val.images[: sample.n_screen], sample.n_screen
    optional = [
        PredictionRequest(FIRST, screen),
        PredictionRequest(AGAIN, screen),
        PredictionRequest(SHUFFLED, screen[sample.shuffle]),
        PredictionRequest(SIXTY_FOUR, screen, (64,) if n > 64 else (max(1, n // 2),)),
        PredictionRequest(ALONE, screen[:N_ALONE], (1,)),
        PredictionRequest(TRAIN, sample.train.images),
        *(PredictionRequest(way.name, way.show(screen)) for way in INPUTS),
    ]
    return [PredictionRequest(AS_SUBMITTED, sample.val.images), *(replace(one, needed=False) for one in optional)]


@dataclass
class Trial:
    """Answers to the images, what was found in them, and how it is to be repaired.

    Attributes
    ----------
    run : EntryRun
        Of `requests`.
    plan : Plan
        What was repaired before, then what is to be repaired as well.
    accuracy : dict of str to float
        By way of showing.
    n : dict of str to int
        How many images each is of.
    """

    contest: Contest
    sample: Sample
    run: EntryRun
    plan: Plan = field(default_factory=Plan)
    findings: list[Finding] = field(default_factory=list)
    accuracy: dict[str, float] = field(default_factory=dict)
    n: dict[str, int] = field(default_factory=dict)

    def analyse(self, show: Show) -> None:
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
            return  # what the model learnt shows only in the repaired zip
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
        """Return the answers to fresh images, shown in the way that is clearly better than the plain one.

        A first look at a few images chooses; the others, which had no part in the choice, decide.
        """
        n = self.sample.n_screen
        names = self._promising(self.sample.val.labels[:n])
        if not names:
            return None
        true, fresh = self.sample.val.labels[n:], self.sample.val.images[n:]
        answers = show(
            [PredictionRequest(name, find_input(name).show(fresh), needed=False) for name in names]
        ).predictions
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
            f"{found.told()}. The order was taken from half of them and measured on the other, both ways round.",
            fix=f"Return np.array({list(order)})[labels]",
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
        cause="predict gets raw images, RGB, 0–255; what the training did to them has to be done in predict as well.",
        evidence=f"{found.told()}, none of which had a part in choosing among {len(INPUTS)} ways.{close}",
        fix=way.remedy,
        fixable=True,
    )


RARE = 5  # images of a class that must be there before its absence among the answers says something
MEMORISED = 0.10  # how much better on images that it was trained on is worth a word


def never_said(true: Labels, said: Labels, class_names: tuple[str, ...]) -> Iterator[Finding]:
    """Find classes that are shown and never answered."""
    n_classes = len(class_names)
    there, answered = (np.bincount(labels, minlength=n_classes) for labels in (true, said))
    never = [number for number in range(n_classes) if there[number] >= RARE and not answered[number]]
    if not never:
        return
    names = [class_names[number].replace("_", " ") for number in never]
    if np.count_nonzero(answered) == 1:
        classes = counted(int(np.count_nonzero(there)), "class")
        only = class_names[int(answered.argmax())].replace("_", " ")
        yield Finding(
            code="one-answer",
            severity=Severity.WRONG,
            title=f"Every image gets the same label, {only}",
            cause="The images do not reach the model as it knows them, its weights were not loaded, "
            "or it learnt only which class is most frequent.",
            evidence=f"{counted(len(said), 'image')} of {classes}, one answer.",
            fix="Compare what the network gets in predict with what it got in training: shape, scale, type.",
        )
        return
    yield Finding(
        code="class-never-said",
        severity=Severity.WARNING,
        title=f"{len(never)} of {n_classes} classes {'is' if len(never) == 1 else 'are'} never predicted",
        cause="The last layer may be too small, a folder may have been left out of the training, or rare classes "
        "are drowned by frequent ones.",
        evidence=f"{', '.join(names)}: {int(there[never].sum())} of {counted(len(true), 'image')} shown.",
        fix=f"See that the last layer has {n_classes} units and that each class is in the training; "
        "weight rare classes.",
    )


def no_better_than_majority(true: Labels, said: Labels) -> Iterator[Finding]:
    """Find answers that are no better than always the most frequent class, or cannot be said to be."""
    hits, n = int((said == true).sum()), len(true)
    most = int(np.bincount(true).max())
    low, high = wilson_interval(hits, n)
    if np.count_nonzero(np.bincount(said)) > 1 and low <= most / n:
        yield Finding(
            code="no-better-than-majority",
            severity=Severity.WARNING,
            title="It is not better than the most frequent class"
            if high <= most / n
            else f"{counted(n, 'image')} {'is' if n == 1 else 'are'} too few to say that it is better than the most "
            "frequent class",
            cause="Its weights may not be those that were trained, or its input is none of the ways tried here"
            + (", or chance has it so." if high > most / n else "."),
            evidence=f"{percent(hits / n)} right (95 % interval {percent(low)} to {percent(high)}); always the most "
            f"frequent class: {percent(most / n)}; n = {n}.",
            fix="Load the zip's weights at home and evaluate them on public/val.npz.",
        )


def memorised(train: Hits, val: Hits) -> Iterator[Finding]:
    """Find a model that knows its training images far better than others; each of shape (n,)."""
    low, high = wilson_interval(int(train.sum()), len(train))
    _, top = wilson_interval(int(val.sum()), len(val))
    if train.mean() - val.mean() > MEMORISED and low > top:
        yield Finding(
            code="memorised",
            severity=Severity.WARNING,
            title="It knows its training images better than others",
            cause="It learnt images by heart; the hidden test holds other ones.",
            evidence=f"train {percent(float(train.mean()))} (95 % interval {percent(low)} to {percent(high)}, "
            f"n = {len(train)}), val {percent(float(val.mean()))} (n = {len(val)}).",
            fix="Stop earlier, augment more, add dropout or weight decay; trust val, not train.",
        )


ROUNDING = 1  # images that may change with the batch: sums are rounded in another order there


def changed_by_chance(run: EntryRun) -> int:
    """Return how many images changed their label when exactly the same was shown twice."""
    first, again = (run.predictions.get(name) for name in (FIRST, AGAIN))
    return int((first != again).sum()) if first is not None and again is not None else 0


def failure(run: EntryRun, name: str) -> str:
    """Return why a way of showing gave no labels; empty where it did, or where only the time was up."""
    failed = run.failed.get(name)
    return "" if failed is None or failed.code == NOT_DONE else failed.message


def unsteady(run: EntryRun, shuffle: NDArray[np.int64]) -> Iterator[Finding]:
    """Find labels that depend on chance, else on place, else on the batch; `shuffle` is the order of ``shuffled``."""
    first = run.predictions.get(FIRST)
    if first is None:
        return
    n = len(first)
    if changed := changed_by_chance(run):
        yield Finding(
            code="random",
            severity=Severity.WRONG,
            title="The same images, shown twice, get other labels",
            cause="Dropout or augmentation is alive at prediction (the model is called with training=True), "
            "or something is drawn at random.",
            evidence=f"{changed} of {n} labels changed.",
            fix="Call model(X, training=False) or model.predict(X); leave augmentation to the training.",
        )
        return  # what follows is not significantly different from chance
    by_place = run.predictions.get(SHUFFLED)
    if by_place is not None and (changed := int((first[shuffle] != by_place).sum())) > ROUNDING:
        yield Finding(
            code="order-dependent",
            severity=Severity.WRONG,
            title="An image's label depends on its place among the others",
            cause="predict sorts, counts or remembers; or it mixes up the order of its batches.",
            evidence=f"{changed} of {n} labels changed when the same images came in another order.",
            fix="Label each image by itself, and return labels in the order of X.",
        )
        return
    yield from _batches(run, first)


def _batches(run: EntryRun, first: Labels) -> Iterator[Finding]:
    for name, words in ((ALONE, "one by one"), (SIXTY_FOUR, "in batches of 64")):
        if reason := failure(run, name):
            yield Finding(
                code="batch-size",
                severity=Severity.WARNING,
                title=f"It fails when images come {words}",
                cause="A server may hand over any number at once.",
                evidence=reason,
                fix="Let the first axis have any length; look for reshape and squeeze.",
            )
    changed = {}
    for name, words in ((ALONE, "one by one"), (SIXTY_FOUR, "in batches of 64")):
        if name in run.predictions:
            said = run.predictions[name]
            changed[words] = (int((said != first[: len(said)]).sum()), len(said))
    if any(count > ROUNDING for count, _ in changed.values()):
        told = "; ".join(f"{words} {count} of {n} labels changed" for words, (count, n) in changed.items())
        yield Finding(
            code="batch-dependent",
            severity=Severity.WRONG,
            title="An image's label depends on the images beside it",
            cause="Batch normalisation works in training mode, or X is standardised over the whole batch.",
            evidence=f"Against all {len(first)} at once: {told}.",
            fix="Call model(X, training=False); take means and deviations from the training set, or from each "
            "image alone.",
        )


def float_differs(run: EntryRun) -> Iterator[Finding]:
    """Find labels that depend on the type of the images."""
    if reason := failure(run, FLOAT):
        yield Finding(
            code="float-input",
            severity=Severity.WARNING,
            title="It fails on images that are not uint8",
            cause="Another server may hand over the same values, 0–255, as floating-point numbers.",
            evidence=reason,
            fix="Begin predict with: X = np.asarray(X).astype('uint8')",
        )
    elif FLOAT in run.predictions and FIRST in run.predictions:
        n = len(run.predictions[FIRST])
        changed = int((run.predictions[FLOAT] != run.predictions[FIRST]).sum())
        if changed > ROUNDING and not changed_by_chance(run):
            yield Finding(
                code="float-input",
                severity=Severity.WARNING,
                title="The same images get other labels as float32 than as uint8",
                cause="Something in predict depends on the type: arithmetic in uint8 wraps at 256, "
                "and some functions rescale one type and not the other.",
                evidence=f"{changed} of {n} labels differ.",
                fix="Begin predict with: X = np.asarray(X).astype('float32')",
            )
