"""The frozen contest on disk: written once and whole, read by every later step.

Layout of ``contests/<name>/<digest>/``::

    contest.lock.json        what it holds, by content
    public/                  what participants get: train.npz, val.npz, val_shifted.npz, summary.md, shifted.png,
                             and removed.npz, what cleaning took out of the training set, to see what that is worth
    private/    mode 0700    hidden.npz, labels.npz, shift.json, removed.png, copies.png, shifted.png,
                             and seeds.json, those that were drawn

``contests/<name>/current`` is a link to the freeze in force.  It is replaced by one rename, so that a freeze that
is killed at any moment leaves the old contest or the new one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.contest import SOURCE_TEXTS, Contest, rules_of, with_rules
from harness.errors import WorkspaceError
from harness.freeze import fingerprint, sheet
from harness.freeze.clean import Cleaned, clean, relabelled, removed_rows
from harness.freeze.copies import copies_sheet
from harness.freeze.corruptions import HIDDEN, PUBLIC
from harness.freeze.frozen import LOCK, PUBLIC_SPLITS, Frozen
from harness.freeze.groups import groups_of, join_groups
from harness.freeze.hashing import hash_array, hash_file
from harness.freeze.lock import FORMAT, ArrayHash, Finding, Lock, current_versions, read_lock, write_lock
from harness.freeze.seeds import seeded, seeds_of, write_seeds
from harness.freeze.shift import Link, shift_images
from harness.freeze.split import Splits, split_images
from harness.progress import Track, silent
from harness.sources.image_set import ImageSet
from harness.words import UNGROUPED, counted, markdown
from harness.workspace import Workspace, make_folder, sync_folder

# In the lock of a contest whose images have no colour, and in its summary.
GREY = "none, all images are grey: {} are not among the corruptions, and noise is the same in all channels".format(
    " and ".join(one.name for one in HIDDEN + PUBLIC if one.of_colour)
)


def freeze(workspace: Workspace, contest: Contest, image_set: ImageSet, *, track: Track = silent) -> Frozen:
    """Clean, split, shift, write and lock `images`, and make the result the contest in force.

    The same contest file and images give the same bytes, on every machine and in any order of the images.

    Raises
    ------
    FreezeError
        A class would be missing in one of the splits, or images have no group where the contest asks for them.
    WorkspaceError
        The workspace cannot be written.
    """
    names, before = groups_of(image_set, contest.split), image_set.labels
    image_set, changed = relabelled(image_set, contest.cleaning)
    cleaned = clean(image_set, contest.cleaning)
    if changed:
        findings = sorted([*cleaned.findings, *changed], key=lambda finding: (finding.id, finding.rule))
        cleaned = msgspec.structs.replace(cleaned, findings=tuple(findings))
    if names is not None:
        cleaned = join_groups(image_set, cleaned, names)
    official = None if image_set.official_hidden is None else image_set.official_hidden[cleaned.kept]
    seeds = seeds_of(workspace, contest)
    labels, before = image_set.labels[cleaned.kept], before[cleaned.kept]
    splits = split_images(seeded(contest, seeds), labels, cleaned, official, before=before)
    if fingerprint.is_grey(image_set.images, cleaned.kept):
        image_set = replace(image_set, provenance={**image_set.provenance, "colour": GREY})
    parts = (image_set, cleaned, splits, names, track)
    return put_in_force(workspace, contest.name, lambda building: _write(building, contest, seeds, *parts))


def put_in_force(workspace: Workspace, name: str, write: Callable[[Path], Lock]) -> Frozen:
    """Have `write` fill an empty folder, and make that the freeze of contest `name` in force, wholly or not at all.

    Raises
    ------
    WorkspaceError
        The workspace cannot be written.
    """
    home = workspace.contest(name)
    try:
        make_folder(home, private=True)
        workspace.write_git_files()
        with _only_one(home):
            _sweep(home)
            building = Path(tempfile.mkdtemp(prefix=".building-", dir=home))
            try:
                return _put_in_force(workspace, home, building, write(building))
            finally:
                shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise WorkspaceError(
            f"Cannot write the contest to {home}: {error.strerror or error}.",
            "What was frozen before is untouched. Make room or rights, or choose another --workspace.",
        ) from error


def _write(
    folder: Path,
    contest: Contest,
    seeds: dict[str, int],
    image_set: ImageSet,
    cleaned: Cleaned,
    splits: Splits,
    names: Sequence[str] | None,
    track: Track,
) -> Lock:
    """Write the whole contest into `folder`, durable file by file, and return its lock."""
    public, private = folder / "public", folder / "private"
    public.mkdir()
    private.mkdir(mode=0o700)
    arrays: dict[str, dict[str, ArrayHash]] = {}
    shift = seeded(contest, seeds).shift
    grey = "colour" in image_set.provenance

    def take(split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[bytes], dict[str, NDArray[np.str_]]]:
        source_rows = cleaned.kept[splits.rows[split]]
        keys = [cleaned.hashes[row] for row in splits.rows[split]]
        words = {"ids": np.array([image_set.ids[row] for row in source_rows])}
        if names is not None:
            words["groups"] = np.array([names[row] for row in source_rows])
        return image_set.images[source_rows], image_set.labels[source_rows], keys, words

    def save(name: str, **content: NDArray) -> None:
        # Not compressed: images hardly shrink, and every later step reads them.
        np.savez(folder / name, allow_pickle=False, **content)
        arrays[name] = {key: hash_array(array) for key, array in content.items()}

    images, labels, _, words = take("train")
    save("public/train.npz", images=images, labels=labels, **words)
    counts = {"train": _class_counts(contest, labels)}
    del images

    images, labels, keys, words = take("val")
    shifted, chains = shift_images(images, keys, PUBLIC, shift, "val_shifted", grey=grey, track=track)
    save("public/val.npz", images=images, labels=labels, **words)
    save("public/val_shifted.npz", images=shifted, labels=labels, **words)
    counts |= {"val": _class_counts(contest, labels), "val_shifted": _class_counts(contest, labels)}
    _shift_sheet(public / "shifted.png", "Shifted validation", contest, images, shifted, labels, chains)

    images, labels, keys, words = take("hidden")
    shifted, chains = shift_images(images, keys, HIDDEN, shift, "hidden", grey=grey, track=track)
    half = splits.public
    removed = removed_rows(image_set, cleaned.findings, set(keys), names, set(words.get("groups", [])))
    save(
        "public/removed.npz",
        images=image_set.images[removed],
        labels=image_set.labels[removed],
        ids=np.array([image_set.ids[row] for row in removed], dtype=np.str_),
    )
    # Ids and groups stay with the labels: a file name may name the class, and a group have one class alone.
    save("private/hidden.npz", images=shifted)
    save("private/labels.npz", labels=labels, public=half, **words)
    counts |= {"public": _class_counts(contest, labels[half]), "private": _class_counts(contest, labels[~half])}
    _shift_sheet(private / "shifted.png", "Shifted hidden test", contest, images, shifted, labels, chains)
    write_seeds(private, seeds)
    (private / "shift.json").write_bytes(msgspec.json.encode([list(chain) for chain in chains]))
    _removal_sheet(private / "removed.png", image_set, cleaned.findings)
    split_of = {int(row): split for split, rows in splits.rows.items() for row in cleaned.kept[rows]}
    copies_sheet(private / "copies.png", image_set, cleaned, split_of)

    groups = _group_counts(names, cleaned, splits) if names else {}
    summary = _summary(contest, image_set, cleaned.findings, counts, groups)
    (public / "summary.md").write_text(summary, encoding="utf-8")
    for path in sorted(private.iterdir()):
        path.chmod(0o600)
    files = {path.relative_to(folder).as_posix(): hash_file(path) for path in _files(folder)}
    lock = Lock(
        FORMAT,
        contest,
        image_set.provenance,
        counts,
        cleaned.findings,
        arrays,
        files,
        versions=current_versions(),
        groups=groups,
        ignored=dict(image_set.ignored),
    )
    write_lock(lock, folder / LOCK)
    for path in _files(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
    for path in (public, private, folder):
        sync_folder(path)
    return lock


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _class_counts(contest: Contest, labels: NDArray[np.int64]) -> dict[str, int]:
    counts = np.bincount(labels, minlength=contest.n_classes)
    return dict(zip(contest.class_names, counts.tolist(), strict=True))


def _group_counts(names: Sequence[str], cleaned: Cleaned, splits: Splits) -> dict[str, int]:
    of = {split: [names[row] for row in cleaned.kept[rows]] for split, rows in splits.rows.items()}
    halves = [
        {name for name, public in zip(of["hidden"], splits.public, strict=True) if public == half} for half in (1, 0)
    ]
    sets = {"train": of["train"], "val": of["val"], "val_shifted": of["val"], "public": halves[0], "private": halves[1]}
    return {split: len(set(found)) for split, found in sets.items()}


def _put_in_force(workspace: Workspace, home: Path, building: Path, lock: Lock) -> Frozen:
    folders = [*_folders(home, lock)]
    target = next(folder for folder in folders if _is_free(folder) or _is_whole(folder, lock))
    # An equal freeze that is still whole is used on, so that whoever reads it now is not disturbed; a damaged one is
    # left beside the new one until nothing points to it.
    if _is_free(target):
        if earlier := next((found for folder in folders if (found := _lock_of(folder, lock.digest))), None):
            # Entries ran under its rules, and the ledger tells what was changed in those: they stay.
            ruled = with_rules(lock.contest, rules_of(earlier.contest))
            write_lock(msgspec.structs.replace(lock, contest=ruled, source=earlier.source), building / LOCK)
        building.chmod(0o755)  # a temporary folder is born 0700; `private` inside keeps that
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    link = home / f".current-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(target.name)
    link.replace(home / "current")
    sync_folder(home)
    workspace.activate(lock.contest.name)
    for damaged in home.glob(f"{lock.digest[:12]}*"):
        if damaged != target:
            shutil.rmtree(damaged, ignore_errors=True)
    return Frozen(target)


def _folders(home: Path, lock: Lock) -> Iterator[Path]:
    """Yield the places of freezes with the digest of `lock`, up to the first that is free."""
    for n in count(1):
        folder = home / (lock.digest[:12] + (f"-{n}" if n > 1 else ""))
        yield folder
        if not folder.exists():
            return


def _lock_of(folder: Path, digest: str) -> Lock | None:
    """Return the lock of a folder where it has this digest."""
    try:
        lock, written = read_lock(folder / LOCK)
    except (OSError, msgspec.MsgspecError):
        return None
    return lock if lock.digest == written.digest == digest else None


def _is_free(folder: Path) -> bool:
    """Say whether a folder is not there, or holds its lock alone, as in a clone of a workspace's repository."""
    return not folder.exists() or [path.name for path in folder.iterdir()] == [LOCK]


def _is_whole(folder: Path, lock: Lock) -> bool:
    """Say whether a folder holds what `lock` states, or of a kit's what it has; its rules may be others."""
    stored = _lock_of(folder, lock.digest)
    if stored is None or stored.versions != lock.versions or not lock.files.items() <= stored.files.items():
        return False
    try:
        return all(hash_file(folder / name) == digest for name, digest in lock.files.items())
    except OSError:
        return False


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    """Hold the contest's freeze lock; a second freeze waits its turn."""
    with (home / ".freezing").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sweep(home: Path) -> None:
    """Remove what a killed freeze left behind."""
    for link in home.glob(".current-*"):
        link.unlink()
    for building in home.glob(".building-*"):
        shutil.rmtree(building, ignore_errors=True)


def _shift_sheet(
    path: Path,
    title: str,
    contest: Contest,
    images: NDArray[np.uint8],
    shifted: NDArray[np.uint8],
    labels: NDArray[np.int64],
    chains: Sequence[Sequence[Link]],
) -> None:
    """Two images of each class, each beside its original, with its chain."""
    rows = [row for number in range(contest.n_classes) for row in np.flatnonzero(labels == number)[:2]]
    tiles: list[NDArray[np.uint8]] = []
    captions: list[list[str]] = []
    for row in rows:
        tiles += [images[row], shifted[row]]
        chain = [f"{link.family.replace('_', ' ')} {link.severity}" for link in chains[row]]
        captions += [[contest.class_names[labels[row]], "original"], chain or ["left as it is"]]
    note = "Each image stands beside its original; below it its chain of corruptions, with severities 1 to 5."
    sheet.contact_sheet(path, f"{title}: {contest.name}", tiles, captions, note=note)


def _removal_sheet(path: Path, image_set: ImageSet, findings: Sequence[Finding]) -> None:
    """Every finding once, but of many copies of one image only a few."""
    shown: list[Finding] = []
    seen: dict[tuple[str, str], int] = {}
    for finding in sorted(findings, key=lambda finding: (finding.rule, finding.reason, finding.id)):
        kind = (finding.rule, finding.reason)
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= (3 if finding.rule == "mass duplicate" else 8):
            shown.append(finding)
    row = {name: position for position, name in enumerate(image_set.ids)}
    images = [image_set.images[row[finding.id]] for finding in shown[:160]]
    captions = [
        [finding.id, f"{finding.rule}: {finding.action}", *textwrap.wrap(finding.reason, 24)] for finding in shown[:160]
    ]
    sheet.contact_sheet(
        path,
        f"Cleaning: {counted(len(findings), 'finding')}",
        images,
        captions,
        note=f"{len(images)} shown; all are listed in {LOCK}. Overrule them by keep and drop in the contest file.",
    )


def _summary(
    contest: Contest,
    image_set: ImageSet,
    findings: Sequence[Finding],
    counts: dict[str, dict[str, int]],
    groups: dict[str, int],
) -> str:
    """The page a person reads about the frozen data; no rule stands in it, since it is written once."""
    shown = {name: counts[name] for name in (*PUBLIC_SPLITS, "public", "private")}
    rules: dict[tuple[str, str], int] = {}
    for finding in findings:
        rules[finding.rule, finding.action] = rules.get((finding.rule, finding.action), 0) + 1
    lines = [
        f"# {contest.name}",
        "",
        f"{counted(len(image_set), 'image')} in the source, "
        f"{sum(1 for finding in findings if finding.action == 'dropped')} dropped.",
        "",
        "| class | " + " | ".join(shown) + " |",
        "|---|" + "---:|" * len(shown),
        *(
            f"| {number} {markdown(name)} | " + " | ".join(str(split[name]) for split in shown.values()) + " |"
            for number, name in enumerate(contest.class_names)
        ),
        "| all | " + " | ".join(str(sum(split.values())) for split in shown.values()) + " |",
        *(["| groups | " + " | ".join(str(groups[name]) for name in shown) + " |"] if groups else []),
        "",
        *(["A group is never cut, and intervals are by group.", ""] if groups else []),
        *([UNGROUPED, ""] if contest.ungrouped else []),
        "`train`, `val` and `val_shifted` are in this folder (keys `images`, `labels`, `ids`); `val_shifted` holds the "
        "images of `val` after chains of corruptions. `public` and `private` are the halves of the hidden test, "
        "which is corrupted in other ways. `removed` holds what cleaning took out, but for copies of hidden images.",
        "",
        "Cleaning: "
        + ("; ".join(f"{rule} {n}x {action}" for (rule, action), n in sorted(rules.items())) or "nothing found")
        + ". The organiser finds what was dropped in `private/removed.png`, and copies, worst first, "
        "in `private/copies.png`.",
        "",
        *(
            f"- {key}: {markdown(str(value))}"
            for key, value in sorted(image_set.provenance.items())
            if key not in SOURCE_TEXTS
        ),
        "- licence, citation and limits, which may change: `hemobench contest rules`",
        "",
    ]
    return "\n".join(lines)
