"""Find the images that do not belong in a contest, and those that must stay together.

Pure: images and rules in, decisions out.  A decision depends on what the images hold, never on their order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import Cleaning
from harness.errors import ContestError, did_you_mean
from harness.freeze import fingerprint
from harness.freeze.components import components
from harness.freeze.lock import Finding, Rule
from harness.freeze.near import NearPair, every_pair, find_near, judge
from harness.sources.image_set import ImageSet


class Copy(msgspec.Struct, frozen=True):
    """Two rows of an image set that show one image; `near` is None where their pixels are equal."""

    first: int
    second: int
    near: NearPair | None


class Cleaned(msgspec.Struct, frozen=True):
    """The outcome: which rows stay, which of them belong together, and why the others went.

    Attributes
    ----------
    kept : ndarray of shape (m,), intp
        Rows of the image set that stay, in order of their pixel hash.
    groups : ndarray of shape (m,), intp
        Near duplicates share a number; they must not straddle a split.
    hashes : tuple of bytes
        Pixel SHA-256 of each kept row.
    findings : tuple of Finding
        By id.
    copies : tuple of Copy
        Pairs of images that are one, wholly or nearly.
    """

    kept: NDArray[np.intp]
    groups: NDArray[np.intp]
    hashes: tuple[bytes, ...]
    findings: tuple[Finding, ...]
    copies: tuple[Copy, ...] = ()


def clean(image_set: ImageSet, rules: Cleaning) -> Cleaned:
    """Apply `rules` to `images`.

    Exact duplicates are found by pixel hash: many copies of one image are junk and all go, of a few the first by
    id stays, and if their labels disagree none does.  Outliers stand far from everything else in colour and
    texture; blanks hold nothing.  Near duplicates are images of one thing, turned, moved, in other light or saved again
    (`harness.freeze.near`): they stay in one split, but where their labels disagree all go, as of exact ones.  As
    copies of one image in mass go those that are near to that very image, never a chain of which each is near to the
    next.

    Raises
    ------
    ContestError
        An id in `rules.keep` or `rules.drop` is not in the source.
    """
    known = set(image_set.ids)
    for listed in (*rules.keep, *rules.drop):
        if listed not in known:
            raise ContestError(
                f"The contest file keeps or drops {listed!r}, but the source has no such image.",
                did_you_mean(listed, known) if len(known) < 50_000 else "",
            )
    survey = _Survey(image_set, rules)
    survey.drop_listed()
    survey.drop_broken()
    survey.drop_copies()
    survey.drop_strangers()
    groups = survey.group_lookalikes()
    rows = sorted(survey.alive, key=lambda row: survey.hashes[row])
    return Cleaned(
        kept=np.array(rows, np.intp),
        groups=np.array([groups[row] for row in rows], np.intp),
        hashes=tuple(survey.hashes[row] for row in rows),
        findings=tuple(sorted(survey.findings, key=lambda finding: (finding.id, finding.rule))),
        copies=tuple(survey.copies),
    )


class _Survey:
    """The rows still alive, and what was found on the way."""

    def __init__(self, image_set: ImageSet, rules: Cleaning) -> None:
        self.image_set = image_set
        self.rules = rules
        self.hashes = fingerprint.pixel_hashes(image_set.images)
        self.alive = set(range(len(image_set)))
        self.findings: list[Finding] = []
        self.copies: list[Copy] = []

    def _drop(self, row: int, rule: Rule, reason: str) -> None:
        name = self.image_set.ids[row]
        kept = name in self.rules.keep
        self.findings.append(Finding(name, rule, "kept by list" if kept else "dropped", reason, self._label(row)))
        if not kept:
            self.alive.discard(row)

    def _label(self, row: int) -> int:
        return int(self.image_set.labels[row])

    def _by_id(self, rows: Iterable[int]) -> list[int]:
        """Order rows by id; what the source declares its test set comes first, so that it is what stays."""
        return sorted(rows, key=lambda row: (not self._official(row), self.image_set.ids[row]))

    def _official(self, row: int) -> bool:
        official = self.image_set.official_hidden
        return official is not None and bool(official[row])

    def drop_listed(self) -> None:
        for row, name in enumerate(self.image_set.ids):
            if name in self.rules.drop:
                self._drop(row, "drop list", "named in the contest's drop list")

    def drop_broken(self) -> None:
        for row, name in enumerate(self.image_set.ids):
            if row in self.alive and name in self.image_set.broken:  # whatever is to be kept: there are no pixels
                self.alive.discard(row)
                reason = self.image_set.broken[name]
                self.findings.append(Finding(name, "broken", "dropped", reason, self._label(row)))

    def drop_copies(self) -> None:
        same: dict[bytes, list[int]] = defaultdict(list)
        for row in sorted(self.alive):
            same[self.hashes[row]].append(row)
        for rows in same.values():
            if len(rows) > 1:
                first, *others = self._by_id(rows)
                self.copies += [Copy(first, row, None) for row in others]
                self._drop_copies(first, others, "same pixels as", "copies")

    def _drop_copies(self, first: int, others: list[int], like: str, copies: str) -> None:
        """Drop what must go of one image and its exact or near copies: all of many, and all where labels disagree."""
        rows, name = [first, *others], self.image_set.ids[first]
        if len(rows) >= self.rules.mass_copies:
            for row in rows:
                self._drop(row, "mass duplicate", f"one of {len(rows)} {copies} of {name}")
            return
        names = [self.image_set.class_names[self._label(row)] for row in rows]
        if len(set(names)) > 1:
            said = ", ".join(f"{name} {count}x" for name, count in sorted(Counter(names).items()))
            for row in rows:
                self._drop(row, "label conflict", f"{like} {name}, labelled {said}")
        elif copies == "copies":
            for row in others:
                self._drop(row, "exact duplicate", f"{like} {name}")
        else:
            self._settle_near(first, others)

    def drop_strangers(self) -> None:
        rows = np.array(sorted(self.alive), np.intp)
        if len(rows) < 20:  # too few to say what is usual
            return
        images = self.image_set.images[rows]
        spread = fingerprint.contrast(images)
        blank = spread < self.rules.blank_contrast
        for row, value in zip(rows[blank], spread[blank], strict=True):
            self._drop(int(row), "blank", f"luminance varies by {value:.1f} grey levels only")
        distance = fingerprint.isolation(fingerprint.appearance(images))
        usual = np.median(distance)
        deviation = np.median(np.abs(distance - usual))
        if deviation == 0:  # more than half of the images are equally far apart: there is no scale to measure by
            return
        factors = (distance - usual) / deviation
        strange = (factors > self.rules.outlier_factor) & ~blank
        for row, factor in zip(rows[strange], factors[strange], strict=True):
            self._drop(int(row), "outlier", f"{factor:.0f} deviations farther from its like than usual")

    def group_lookalikes(self) -> dict[int, int]:
        """Return a group number for each row alive; near duplicates share one."""
        rows = self._by_id(self.alive)
        by_content = sorted(rows, key=lambda row: self.hashes[row])
        found = find_near(self.image_set.images[np.array(by_content, np.intp)], self.rules)
        near: dict[int, dict[int, NearPair | None]] = defaultdict(dict)

        def link(one: int, other: int, pair: NearPair | None) -> None:
            near[one][other] = near[other][one] = pair

        for pair in found:
            link(by_content[pair.first], by_content[pair.second], pair)
        for one, other in pairwise(by_content):  # copies that a list keeps
            if self.hashes[one] == self.hashes[other]:
                link(one, other, None)
        place = {row: number for number, row in enumerate(rows)}
        ends = np.array([(place[one], place[other]) for one in near for other in near[one]], np.intp).reshape(-1, 2).T
        component = components(ends[0], ends[1], len(rows)).tolist()
        clusters: dict[int, list[int]] = defaultdict(list)
        for row, number in zip(rows, component, strict=True):
            clusters[number].append(row)
        for cluster in clusters.values():
            left = cluster
            while len(left) > 1:
                left = self._settle_around(left, near)
        return dict(zip(rows, component, strict=True))

    def _settle_around(self, rows: list[int], near: dict[int, dict[int, NearPair | None]]) -> list[int]:
        """Decide about the image that most of `rows` are near to, and about those; return the others.

        What the source tests on comes first, then the order by id.  Each pair has a verdict of its own: the search
        compares an image with a few candidates only, of which there may be more in a large cluster.
        """
        first = max(rows, key=lambda row: (self._official(row), len(near[row].keys() & set(rows)), -rows.index(row)))
        if len(rows) > 2:
            unknown = [row for row in rows if row != first and row not in near[first]]
            images = self.image_set.images[np.array([first, *unknown], np.intp)]
            for pair in judge(images, every_pair([0], range(1, len(images))), self.rules):
                near[first][unknown[pair.second - 1]] = pair
        others = [row for row in rows if row in near[first]]
        self.copies += [Copy(first, row, near[first][row]) for row in others]
        if others:
            self._drop_copies(first, others, "nearly the pixels of", "near copies")
        return [row for row in rows if row != first and row not in near[first]]

    def _settle_near(self, first: int, others: list[int]) -> None:
        name = self.image_set.ids[first]
        for row in others:
            if self._official(first) and not self._official(row):
                self._drop(row, "near duplicate", f"nearly the pixels of {name}, which the source tests on")
            elif self.rules.near_duplicates == "drop":
                self._drop(row, "near duplicate", f"nearly the pixels of {name}")
            else:
                self.findings.append(
                    Finding(
                        self.image_set.ids[row],
                        "near duplicate",
                        "grouped",
                        f"stays in one split with {name}",
                        self._label(row),
                    )
                )


def relabelled(image_set: ImageSet, rules: Cleaning) -> tuple[ImageSet, tuple[Finding, ...]]:
    """Return `image_set` with the labels that the contest file corrects, and what was changed.

    Raises
    ------
    ContestError
        An id is not in the source, or the image has that class already.
    """
    labels, found = image_set.labels.copy(), []
    rows = {name: row for row, name in enumerate(image_set.ids)} if rules.relabel else {}
    for name, label in sorted((rules.relabel or {}).items()):
        if name not in rows:
            raise ContestError(
                f"The contest file relabels {name!r}, but the source has no such image.", did_you_mean(name, rows)
            )
        was, now = image_set.class_names[labels[rows[name]]], image_set.class_names.index(label)
        if was == label:
            raise ContestError(
                f"The contest file relabels {name!r} as {label!r}, which is its class in the source.",
                "Take it out of relabel under [cleaning].",
            )
        labels[rows[name]] = now
        found.append(Finding(name, "relabel list", "relabelled", f"{was} in the source", now))
    return (replace(image_set, labels=labels), tuple(found)) if found else (image_set, ())


def removed_rows(
    image_set: ImageSet,
    findings: Sequence[Finding],
    hidden: set[bytes],
    names: Sequence[str] | None,
    hidden_names: set[str],
) -> NDArray[np.intp]:
    """Return the rows that a rule dropped, by pixel hash and id, less those that would tell of the hidden test.

    A copy of a hidden image is left out, and so is every near duplicate, which may resemble one, and whatever is
    of a group with hidden images.  What a drop list names is left out too: its owner may have had reasons to show it
    to nobody.
    """
    dropped = {
        finding.id
        for finding in findings
        if finding.action == "dropped" and finding.rule not in ("near duplicate", "shared group", "drop list", "broken")
    }
    rows = [
        row for row, name in enumerate(image_set.ids) if name in dropped and not (names and names[row] in hidden_names)
    ]
    hashes = fingerprint.pixel_hashes(image_set.images[rows])
    shown = [(key, image_set.ids[row], row) for key, row in zip(hashes, rows, strict=True) if key not in hidden]
    return np.array([row for _, _, row in sorted(shown)], np.intp)
