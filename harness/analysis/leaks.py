"""Look for leaks between the parts of a data set: a frozen contest, or anybody's training and test images.

Copies across parts, labels that can be told from what is no image (file name, size, date, position), classes whose
share drifts, and labels that can be told from the background alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Cleaning, FolderSource
from harness.errors import HarnessError
from harness.freeze import fingerprint
from harness.freeze.draft import draft_contest
from harness.freeze.frozen import Frozen, PublicSplit
from harness.freeze.near import find_near
from harness.progress import Track, silent
from harness.score.estimate import Estimate
from harness.score.stats import wilson_interval
from harness.sources import load_source
from harness.words import counted

FOLDS = 5
MOST = 5000  # images that a check of labels looks at, evenly from all
CLEARLY = 0.05  # by which the lower limit of an accuracy must exceed the largest class, to be a leak
DRIFT = 0.1  # Cramér's V from which a drift of classes is one
RING = 8  # of the side: a border of an eighth is background

Facts = dict[str, NDArray[np.float64]]


class Part(msgspec.Struct, frozen=True):
    """Images of one part, e.g. the hidden test.

    Attributes
    ----------
    name : str
    images : ndarray of shape (n, h, w, 3), uint8
    labels : ndarray of shape (n,), int64
    ids : tuple of str
    facts : dict of str to ndarray of shape (n, k)
        What is known of an image without looking at it, as everybody sees it.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    ids: tuple[str, ...]
    facts: Facts


class Pair(msgspec.Struct, frozen=True):
    """One image in two parts; `kind` is what was done to it, "same pixels" where nothing was."""

    first: str
    second: str
    parts: tuple[str, str]
    labels: tuple[str, str]
    kind: str
    difference: float


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked for.

    Attributes
    ----------
    what : str
        ``copies``, ``classes``, ``labels by background``, ``labels by name`` ...
    part : str
    leak : bool
    text : str
    accuracy : Estimate, optional
        Of labels told from what should not tell them, cross-validated.
    chance : float, optional
        The share of the largest class.
    """

    what: str
    part: str
    leak: bool
    text: str
    accuracy: Estimate | None = None
    chance: float | None = None


class LeakAudit(msgspec.Struct, frozen=True):
    """All checks, and the pairs found, those whose labels differ first, then the most alike."""

    checks: tuple[Check, ...]
    pairs: tuple[Pair, ...]

    @property
    def leaks(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.leak)


def audit(parts: Sequence[Part], class_names: Sequence[str], rules: Cleaning) -> LeakAudit:
    """Look for leaks between parts and within each."""
    pairs = _copies(parts, class_names, rules)
    checks = [_told_of_copies(pairs)]
    if len(parts) > 1:
        checks.append(_drift(parts, class_names))
    for part in parts:
        for what, facts in {**part.facts, "background": ring(part.images)}.items():
            if check := told_by(what, facts, part):
                checks.append(check)
    return LeakAudit(tuple(checks), tuple(pairs))


def of_contest(frozen: Frozen) -> tuple[list[Part], tuple[str, ...], Cleaning]:
    """Return the parts of a frozen contest: train, validation and, if it is here, the hidden test as entries see it."""
    parts = []
    public: tuple[PublicSplit, ...] = ("train", "val")
    for split in public:
        loaded = frozen.load(split)
        ids = tuple(f"{split} {row}" for row in range(len(loaded.labels)))
        parts.append(Part(split, loaded.images, loaded.labels, ids, _position(len(ids))))
    if not frozen.lock.from_kit:
        labels, _ = frozen.hidden_labels()
        ids = tuple(f"hidden {row}" for row in range(len(labels)))
        parts.append(Part("hidden", frozen.hidden_images(), labels, ids, _position(len(ids))))
    return parts, frozen.contest.class_names, frozen.contest.cleaning


def of_sources(
    paths: Sequence[tuple[str, Path]], cache: Path, track: Track = silent
) -> tuple[list[Part], tuple[str, ...], Cleaning]:
    """Return the parts that lie in sources of anybody's, by name; images take the size of the first's.

    Raises
    ------
    SourceError
        There is no such source, or it holds no images with labels.
    HarnessError
        Two of them have no class in common.
    """
    parts: list[Part] = []
    names: list[str] = []
    size: tuple[int, int] | None = None
    for name, path in paths:
        draft = draft_contest(cache / "none", "audited", path, size)
        size = (draft.height, draft.width)
        in_files = isinstance(draft.contest.source, FolderSource)
        found = load_source(draft.contest, path, cache=cache, leave_out_broken=in_files, track=track)
        if names and not set(found.class_names) & set(names):
            raise HarnessError(f"{path} has no class of {paths[0][1]}.", "Name its class folders as those are named.")
        names += [one for one in found.class_names if one not in names]
        numbers = np.array([names.index(one) for one in found.class_names], np.int64)
        good = [row for row, one in enumerate(found.ids) if one not in found.broken]
        ids = tuple(found.ids[row] for row in good)
        labels = numbers[found.labels[good]]
        parts.append(Part(name, found.images[good], labels, ids, _file_facts(path, ids)))
    return parts, tuple(names), Cleaning()


def _copies(parts: Sequence[Part], class_names: Sequence[str], rules: Cleaning) -> list[Pair]:
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    of = np.repeat(np.arange(len(parts)), [len(part.labels) for part in parts])
    ids = [name for part in parts for name in part.ids]
    hashes = fingerprint.pixel_hashes(images)
    first: dict[bytes, list[int]] = {}
    for row, key in enumerate(hashes):
        first.setdefault(key, []).append(row)
    alike = [
        (rows[0], row, "same pixels", 0.0) for rows in first.values() for row in rows[1:] if of[row] != of[rows[0]]
    ]
    order = np.array([first[key][0] for key in sorted(first)], np.intp)
    for pair in find_near(images[order], rules):
        one, other = sorted((int(order[pair.first]), int(order[pair.second])))
        if of[one] != of[other]:
            alike.append((one, other, pair.kind or "saved again", pair.difference))
    found = [
        Pair(
            ids[one],
            ids[other],
            (parts[of[one]].name, parts[of[other]].name),
            (class_names[labels[one]], class_names[labels[other]]),
            kind,
            difference,
        )
        for one, other, kind, difference in alike
    ]
    return sorted(found, key=lambda pair: (pair.labels[0] == pair.labels[1], pair.difference, pair.first, pair.second))


def _told_of_copies(pairs: Sequence[Pair]) -> Check:
    if not pairs:
        return Check("copies", "all", False, "No image stands in two parts, turned, moved or in other light either.")
    exact = sum(pair.kind == "same pixels" for pair in pairs)
    unlike = sum(pair.labels[0] != pair.labels[1] for pair in pairs)
    text = (
        f"{counted(len(pairs), 'pair')} of images in two parts show one thing: {exact} exact, {len(pairs) - exact} near"
    )
    return Check("copies", "all", True, text + (f"; of {unlike} the labels differ." if unlike else "."))


def _drift(parts: Sequence[Part], class_names: Sequence[str]) -> Check:
    """Compare the shares of the classes by Pearson's chi-squared test; how large a drift is, Cramér's V says.

    References
    ----------
    K. Pearson (1900); H. Cramér, "Mathematical Methods of Statistics" (1946), section 21.9.
    """
    from scipy.stats import chi2_contingency

    table = np.array([np.bincount(part.labels, minlength=len(class_names)) for part in parts])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return Check("classes", "all", False, "There is one class only.")
    tested = chi2_contingency(table)
    size = float(np.sqrt(tested.statistic / table.sum() / (min(table.shape) - 1)))
    leak = bool(tested.pvalue < 0.001 and size > DRIFT)
    verb = "differ" if leak else "do not differ much"
    text = f"The shares of the classes {verb} between the parts: chi-squared p = {tested.pvalue:.2g}, V = {size:.2f}."
    return Check("classes", "all", leak, text)


def told_by(what: str, facts: NDArray[np.float64], part: Part) -> Check | None:
    """Say how well labels are told from facts alone, by a tree of four levels (the background: a linear model).

    Each image is predicted by a model of the other folds.  It is a leak where the lower end of the 95 % interval
    exceeds the share of the largest class by CLEARLY.  None where there are too few images to tell.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    rows = np.linspace(0, len(part.labels) - 1, min(len(part.labels), MOST)).astype(np.intp)
    often = [label for label, n in Counter(part.labels[rows].tolist()).items() if n >= FOLDS]
    rows = rows[np.isin(part.labels[rows], often)]
    if len(often) < 2 or not len(facts) or not np.ptp(facts[rows], axis=0).any():
        return None
    labels = part.labels[rows]
    model = (
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
        if what == "background"
        else DecisionTreeClassifier(max_depth=4, min_samples_leaf=3, random_state=0)
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    hits = int((cross_val_predict(model, facts[rows], labels, cv=folds) == labels).sum())
    chance = float(np.bincount(labels).max() / len(labels))
    low, high = wilson_interval(hits, len(labels))
    leak = bool(low > chance + CLEARLY)
    share = hits / len(labels)
    text = (
        f"From the {what} alone {100 * share:.1f} % of the labels of {part.name} are right "
        f"({100 * low:.1f}-{100 * high:.1f}, n = {len(labels):,}); the largest class is {100 * chance:.1f} %."
    )
    return Check(f"labels by {what}", part.name, leak, text, Estimate(share, low, high, len(labels)), chance)


def ring(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return mean and spread of the colour of each side's border, shape (n, 24)."""
    deep, wide = (max(1, side // RING) for side in images.shape[1:3])
    sides = (images[:, :deep], images[:, -deep:], images[:, :, :wide], images[:, :, -wide:])
    return np.concatenate(
        [part.mean(axis=(1, 2)) for part in sides] + [part.std(axis=(1, 2)) for part in sides], axis=1
    )


def _position(n: int) -> Facts:
    return {"position": np.arange(n, dtype=np.float64)[:, None]}


def _file_facts(path: Path, ids: Sequence[str]) -> Facts:
    """Return what is known of files without opening them; the class folder is the label itself, and left out."""
    names = [name.rsplit("/", 1)[-1] for name in ids]
    facts = {"file name": name_facts(names)}
    if path.is_dir() and all((path / name).is_file() for name in ids):
        stats = [(path / name).stat() for name in ids]
        facts["file size"] = np.array([[stat.st_size] for stat in stats], np.float64)
        facts["file date"] = np.array([[stat.st_mtime] for stat in stats], np.float64)
    elif not path.is_dir() and path.suffix.lower() == ".npz":
        facts = _position(len(ids))
    return facts


def name_facts(names: Sequence[str]) -> NDArray[np.float64]:
    """Return what names hold, shape (n, k): length, up to three numbers, and which of the 40 commonest words.

    Examples
    --------
    >>> name_facts(["cat_12.png", "dog_7.png"]).tolist()
    [[10.0, 12.0, -1.0, -1.0, 1.0, 0.0, 1.0], [9.0, 7.0, -1.0, -1.0, 0.0, 1.0, 1.0]]
    """
    words = [set(re.findall(r"[^\W\d_]+", name.lower())) for name in names]
    common = [word for word, _ in sorted(Counter(w for one in words for w in one).items(), key=lambda p: (-p[1], p[0]))]
    common = sorted(common[:40])
    rows = []
    for name, held in zip(names, words, strict=True):
        numbers = [float(number[:15]) for number in re.findall(r"\d+", name)[:3]]
        rows.append([len(name), *numbers, *[-1.0] * (3 - len(numbers)), *(float(word in held) for word in common)])
    return np.array(rows, np.float64)
