"""Pairs of entries of different teams that have more in common than chance and one recipe explain, with the evidence.

Nobody is punished here: a pair is flagged, and says why.  Weights are the primary evidence.  Mistakes and code are it
only where weights do not speak against it: two teams that share a recipe, and each trained its own network, make many
of the same mistakes with the same lines of code.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.board.artifacts import read_artifacts
from harness.board.recorder import open_to_read
from harness.board.rows import Entry, read_all
from harness.classroom.similar.code import Overlap, overlap
from harness.classroom.similar.mistakes import Agreement, agree
from harness.classroom.similar.survey import Survey, Surveyor
from harness.classroom.similar.weights import Layer, Match, Weights, match
from harness.freeze.frozen import Frozen
from harness.progress import Track, silent
from harness.score.evaluate import labels_of
from harness.words import counted
from harness.workspace import Workspace

COMMON_TEAMS = 4  # that share a layer while the rest of their networks differs, or a fingerprint: then it is public
WHOLE = 0.9  # share of the weights from which on two networks are one
TOGETHER = 0.9  # share of mistakes from which on an agreement is extreme, whatever seeds of one recipe show
LEAST_MISTAKES = 20  # in common
LEVEL = 1e-6  # of the exact test, over all pairs
NEAR = 0.8  # share of the shorter code that the other has, too
LEAST_CODE = 40  # fingerprints in common: about 200 tokens, and the template's are none
HIDDEN = ("public", "private")


class Side(msgspec.Struct, frozen=True):
    """An entry of a pair."""

    id: int
    name: str
    zip_sha256: str


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two entries of two teams, the earlier one first.

    Attributes
    ----------
    flagged : bool
    kinds : tuple of str
        What speaks for a copy: "same zip", "same files", "weights", "file", "mistakes", "code".
    says : tuple of str
        The evidence, a sentence each; of a pair that is not flagged, too.
    weights : Match
    mistakes : Agreement or None
        None where the labels of one are not kept.
    code : Overlap
    """

    one: Side
    other: Side
    flagged: bool
    kinds: tuple[str, ...]
    says: tuple[str, ...]
    weights: Match = Match()
    mistakes: Agreement | None = None
    code: Overlap = Overlap(0, 0, 0)


class Similarity(msgspec.Struct, frozen=True):
    """What was found among the entries of a contest.

    Attributes
    ----------
    entries, teams, compared : int
        How many were looked at, of how many teams, and how many pairs were compared.
    flagged : tuple of Pair
        Earliest first.
    noted : tuple of Pair
        Not flagged, though something is the same: code, say, of two networks that were trained apart.
    groups : tuple of tuple of int
        Entries that hang together by flagged pairs.
    unread : dict of int to tuple of str
        Files that could not be read, by entry.
    """

    entries: int
    teams: int
    compared: int
    flagged: tuple[Pair, ...]
    noted: tuple[Pair, ...]
    groups: tuple[tuple[int, ...], ...]
    unread: dict[int, tuple[str, ...]]


@dataclass(frozen=True)
class Looked:
    """An entry, and all that is compared of it; `labels` are those of the hidden images, where they are kept."""

    entry: Entry
    found: Survey
    labels: NDArray[np.int64] | None

    @property
    def side(self) -> Side:
        return Side(self.entry.id, self.entry.name, self.entry.zip_sha256)


def find_similar(
    workspace: Workspace,
    frozen: Frozen,
    *,
    common: Sequence[Path] = (),
    of: int | None = None,
    track: Track = silent,
) -> Similarity:
    """Compare all entries of different teams, but for baselines.

    Parameters
    ----------
    workspace : Workspace
    frozen : Frozen
    common : sequence of Path
        Zips or files of weights that all may use, a public network, say; what the baselines hold is common, too.
    of : int, optional
        The pairs of one entry alone; the others still say what is common.
    """
    entries = _entries(workspace, frozen)
    teams = [entry for entry in entries if not entry.baseline]
    firsts = sorted({entry.content: entry for entry in reversed(teams)}.values(), key=lambda entry: entry.id)
    with Surveyor(frozen.contest.limits, frozen.contest.n_classes, _sizes(frozen)) as surveyor:
        zips = [workspace.zips() / f"{entry.zip_sha256}.zip" for entry in firsts]
        found = [surveyor.look(path) for path in track(zips, "zips read", len(zips))]
        paths = dict.fromkeys(workspace.zips() / f"{one.zip_sha256}.zip" for one in entries if one.baseline)
        known = [surveyor.look(path) for path in (*paths, *common)]
    kept, (y_true, places) = read_artifacts(workspace, firsts), _truth(frozen)
    looked = [
        Looked(entry, survey, _hidden(kept[entry.id].labels, places))
        for entry, survey in zip(firsts, found, strict=True)
    ]
    names = {content: {one.name for one in teams if one.content == content} for content in {e.content for e in teams}}
    compare = Comparison(looked, known, y_true, frozen.contest.n_classes, names)
    chosen = [
        (one, other)
        for one, other in itertools.combinations(looked, 2)
        if len(names[one.entry.content] | names[other.entry.content]) > 1
        and (of is None or of in _ids(teams, one) or of in _ids(teams, other))
    ]
    pairs = [compare.look(*pair) for pair in track(chosen, "pairs", len(chosen))]
    judged = [*_same_files(teams), *compare.judge(pairs)]
    if of is not None:
        same = {one.entry.id for one in looked if of in _ids(teams, one)} | {of}
        judged = [pair for pair in judged if same & {pair.one.id, pair.other.id}]
    flagged = [pair for pair in judged if pair.flagged]
    return Similarity(
        entries=len(teams),
        teams=len({entry.name for entry in teams}),
        compared=len(chosen),
        flagged=tuple(sorted(flagged, key=lambda pair: (pair.one.id, pair.other.id))),
        noted=tuple(pair for pair in judged if not pair.flagged and pair.kinds),
        groups=_groups([(pair.one.id, pair.other.id) for pair in flagged]),
        unread={one.entry.id: one.found.unread for one in looked if one.found.unread},
    )


def _entries(workspace: Workspace, frozen: Frozen) -> list[Entry]:
    """Return the entries of the contest whose zips were let in, earliest first."""
    with open_to_read(workspace) as board:
        place = (frozen.contest.name, frozen.lock_hash)
        return [entry for entry in read_all(board) if (entry.contest, entry.lock) == place and entry.content]


def _sizes(frozen: Frozen) -> list[int]:
    counts = frozen.lock.counts
    return [sum(counts[split].values()) for split in ("train", "val", "val_shifted") if split in counts]


def _truth(frozen: Frozen) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Return the labels of the hidden images, one half after the other, and the size of each."""
    found = labels_of(frozen)
    halves = {split: found[split][1] for split in HIDDEN if split in found}
    return np.concatenate([np.empty(0, np.int64), *halves.values()]), {name: len(of) for name, of in halves.items()}


def _hidden(labels: Mapping[str, NDArray[np.int64]], sizes: Mapping[str, int]) -> NDArray[np.int64] | None:
    if not sizes or any(split not in labels or labels[split].shape != (n,) for split, n in sizes.items()):
        return None
    return np.concatenate([labels[split] for split in sizes])


def _ids(entries: Sequence[Entry], one: Looked) -> set[int]:
    return {entry.id for entry in entries if entry.content == one.entry.content}


class Comparison:
    """Compares pairs, against what is common and what the whole contest shows."""

    def __init__(
        self,
        looked: Sequence[Looked],
        known: Sequence[Survey],
        y_true: NDArray[np.int64],
        n_classes: int,
        names: Mapping[str, set[str]],
    ) -> None:
        self.y_true, self.n_classes, self.names = y_true, n_classes, names
        self.common: list[Weights] = [survey.weights for survey in known]
        holders: Counter[int | str] = Counter()
        by_team: dict[str, set[int | str]] = {}
        for one in looked:
            for name in names[one.entry.content]:
                by_team.setdefault(name, set()).update(one.found.code, one.found.files or ())
        for marks in by_team.values():
            holders.update(marks)
        known_marks: set[int | str] = {mark for one in known for mark in (*one.code, *(one.files or ()))}
        self.common_marks = known_marks | {mark for mark, n in holders.items() if n >= COMMON_TEAMS}
        self.last = {one.entry.name: one for one in looked if one.labels is not None}
        self.honest = self._seeds(looked)

    def _seeds(self, looked: Sequence[Looked]) -> float:
        """Return the largest share of mistakes that two seeds of one recipe have in common; 0 where there are none."""
        shares = [
            agree(self.y_true, one.labels, other.labels, [], self.n_classes).share
            for one, other in itertools.combinations([each for each in looked if each.entry.recipe], 2)
            if one.entry.recipe == other.entry.recipe and one.entry.seed != other.entry.seed
            if one.labels is not None and other.labels is not None
        ]
        return max(shares, default=0.0)

    def look(self, one: Looked, other: Looked) -> tuple[Looked, Looked, Match]:
        return one, other, match(one.found.weights, other.found.weights, self.common)

    def judge(self, pairs: Sequence[tuple[Looked, Looked, Match]]) -> list[Pair]:
        """Return all pairs with what speaks for a copy."""
        public = self._public(pairs)
        return [self._judged(one, other, _without(found, public), len(pairs)) for one, other, found in pairs]

    def _public(self, pairs: Sequence[tuple[Looked, Looked, Match]]) -> set[str]:
        """Return the layers that many teams share while the rest differs, by their digests: of a public network."""
        teams: dict[str, set[str]] = {}
        for one, other, found in pairs:
            for layer in found.layers if found.share < WHOLE else ():
                teams.setdefault(layer.digest, set()).update((one.entry.name, other.entry.name))
        return {digest for digest, names in teams.items() if len(names) >= COMMON_TEAMS}

    def _judged(self, one: Looked, other: Looked, weights: Match, n_pairs: int) -> Pair:
        kinds, says = [], []
        if weights.layers:
            says.append(_of_weights(weights))
        if weights.found:
            kinds.append("weights")
        files = set(one.found.files or ()) & set(other.found.files or ()) - self.common_marks
        if files:
            kinds.append("file")
            says += [
                f"The file {(one.found.files or {})[digest]} is the same, byte for byte." for digest in sorted(files)
            ]
        mistakes = self._mistakes(one, other)
        if mistakes:
            likely = mistakes.p * n_pairs > LEVEL or mistakes.both < LEAST_MISTAKES
            if not likely and mistakes.share >= max(TOGETHER, (1 + self.honest) / 2):
                kinds.append("mistakes")
            if kinds or not likely:
                says.append(_of_mistakes(mistakes, self.honest))
        code = overlap(one.found.code, other.found.code, self.common_marks)  # type: ignore[arg-type]
        if code.share >= NEAR and code.both >= LEAST_CODE:
            kinds.append("code")
            says.append(f"Of the shorter code {code.share:.0%} stands in the other, {code.both} fingerprints.")
        # Networks that are stored as nobody here can read, and differ, were trained by somebody, too.
        stored = all((set(each.found.files or ()) - self.common_marks) or each.found.unread for each in (one, other))
        apart = weights.apart or (stored and kinds == ["code"])
        flagged = bool({"weights", "file"} & set(kinds)) or (bool(kinds) and not apart)
        if kinds and not flagged:
            says.append("Their networks differ: each was trained from a start of its own.")
        return Pair(
            one=one.side,
            other=other.side,
            flagged=flagged,
            kinds=tuple(kinds),
            says=tuple(says),
            weights=weights,
            mistakes=mistakes,
            code=code,
        )

    def _mistakes(self, one: Looked, other: Looked) -> Agreement | None:
        if one.labels is None or other.labels is None:
            return None
        involved = self.names[one.entry.content] | self.names[other.entry.content]
        peers = [each.labels for name, each in self.last.items() if name not in involved and each.labels is not None]
        return agree(self.y_true, one.labels, other.labels, peers, self.n_classes)


def _without(found: Match, public: set[str]) -> Match:
    """Leave out of what two have in common the layers of a public network, unless that is all there is."""
    left = tuple(layer for layer in found.layers if layer.digest not in public)
    if found.share >= WHOLE or len(left) == len(found.layers):
        return found
    numbers = sum(layer.numbers for layer in found.layers)
    share = found.share * sum(layer.numbers for layer in left) / max(1, numbers)
    return Match(left, share, found.comparable)


def _of_weights(found: Match) -> str:
    equal = [layer for layer in found.layers if layer.equal]
    told = []
    if equal:
        told.append(f"{counted(len(equal), 'tensor holds', 'tensors hold')} the same numbers ({_first(equal)})")
    if alike := [layer for layer in found.layers if not layer.equal]:
        units = f"{sum(layer.units for layer in alike)} of {sum(layer.of for layer in alike)} units alike"
        cosine = min(layer.cosine for layer in alike)
        told.append(
            f"{counted(len(alike), 'layer is', 'layers are')} alike ({_first(alike)}): {units}, cosine {cosine:.3f}"
        )
    return f"{'; '.join(told)}. Together {found.share:.0%} of the smaller network's weights."


def _first(layers: Sequence[Layer]) -> str:
    return f"{layers[0].one} and {layers[0].other}" + (" …" if len(layers) > 1 else "")


def _of_mistakes(found: Agreement, honest: float) -> str:
    seeds = f"; seeds of one recipe have at most {honest:.0%} in common here" if honest else ""
    return (
        f"{found.both} mistakes are the same, of {found.one} and {found.other} ({found.share:.0%} of either's); "
        f"{found.expected:.0f} by chance, p = {found.p:.1g}{seeds}."
    )


def _same_files(entries: Sequence[Entry]) -> list[Pair]:
    """Return each entry whose zip holds the files of an earlier one of another team, with the first such."""
    firsts: dict[str, Entry] = {}
    found = []
    for entry in entries:
        first = firsts.setdefault(entry.content, entry)
        if first.name != entry.name:
            same = first.zip_sha256 == entry.zip_sha256
            says = "The zips are the same, byte for byte." if same else "The zips hold the same files, packed anew."
            one, other = (Side(each.id, each.name, each.zip_sha256) for each in (first, entry))
            kinds = ("same zip",) if same else ("same files",)
            found.append(Pair(one=one, other=other, flagged=True, kinds=kinds, says=(says,)))
    return found


def _groups(pairs: Sequence[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Return what hangs together by pairs, each group in order.

    Examples
    --------
    >>> _groups([(1, 2), (5, 6), (2, 4)])
    ((1, 2, 4), (5, 6))
    """
    group: dict[int, set[int]] = {}
    for one, other in pairs:
        joined = group.get(one, {one}) | group.get(other, {other})
        group |= dict.fromkeys(joined, joined)
    return tuple(sorted({tuple(sorted(members)) for members in group.values()}))
