"""The lock of a frozen contest: what it holds, by content, so that two machines can tell they hold the same."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

import harness
from harness.contest import SOURCE_TEXTS, Contest, EmbeddedSource, MedmnistSource, rules_of, with_seeds
from harness.medmnist_sets import PUBLISHED

FORMAT = 3
# What of a frozen contest travels with its kit.
KIT_FILES = tuple(f"public/{name}" for name in ("train.npz", "val.npz", "val_shifted.npz", "summary.md", "shifted.png"))
# Of sources whose hidden labels are no secret: why not.
KNOWN_LABELS: dict[type, str] = {
    EmbeddedSource: "anybody can draw the same images with this package",
    MedmnistSource: "MedMNIST publishes them with its test split",
}
PINNED = ("numpy", "pillow")  # the libraries that touch a pixel or a split


Rule = Literal[
    "drop list",
    "broken",
    "relabel list",
    "mass duplicate",
    "exact duplicate",
    "label conflict",
    "near duplicate",
    "shared group",
    "outlier",
    "blank",
]


class Finding(msgspec.Struct, frozen=True):
    """One image that a cleaning rule has something to say about."""

    id: str
    rule: Rule
    action: Literal["dropped", "grouped", "kept by list", "relabelled"]
    reason: str
    label: int  # its class, so that counts before cleaning are known from the lock alone


class ArrayHash(msgspec.Struct, frozen=True):
    """Shape, dtype and SHA-256 of an array's values in C order: of the content, not of a file's packaging."""

    shape: tuple[int, ...]
    dtype: str
    sha256: str


class Lock(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that defines a frozen contest, and the environment that froze it."""

    format: int
    contest: Contest
    source: dict[str, str]
    counts: dict[str, dict[str, int]]  # split -> class -> images
    findings: tuple[Finding, ...]
    arrays: dict[str, dict[str, ArrayHash]]  # file -> key -> content
    files: dict[str, str]  # file -> SHA-256 of its bytes
    versions: dict[str, str]
    groups: dict[str, int] = {}  # split -> groups, where the contest has them
    ignored: dict[str, tuple[str, ...]] = {}  # reason -> files of the source that are none of the images
    whole: str = ""  # of the public part that a kit holds: the digest of the whole lock

    @property
    def from_kit(self) -> bool:
        """Whether only what a kit holds is here: the public data."""
        return bool(self.whole)

    @property
    def known_labels(self) -> str:
        """Why anybody can know the hidden labels, as far as the source tells; "" where nobody can."""
        kind = KNOWN_LABELS.get(type(self.contest.source), "")
        return kind if self.source.get(PUBLISHED, "yes") == "yes" else ""

    def public_part(self, contest: Contest, hidden: Sequence[str]) -> Lock:
        """Return what everybody may read of the lock: no seed of the split, no hash or finding of what is hidden.

        Parameters
        ----------
        contest : Contest
            Under the rules in force.
        hidden : sequence of str
            Ids of the hidden images: a finding that names one would tell of it.
        """
        return msgspec.structs.replace(
            self,
            contest=with_seeds(contest, "private", "private"),
            findings=told_of(self.findings, hidden),
            arrays={name: self.arrays[name] for name in KIT_FILES if name in self.arrays},
            files={name: self.files[name] for name in KIT_FILES},
            whole=self.digest,
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the contest's content, 64 hex digits: equal on two machines that froze the same contest.

        It holds what defines data and truth.  Rules are left out, which may change while the contest runs; so are file
        bytes and library versions, which may differ where the content does not.
        """
        if self.whole:
            return self.whole
        source = {key: value for key, value in self.source.items() if key not in SOURCE_TEXTS}
        content = (self.format, self.contest.identity, source, self.counts, self.findings, self.arrays)
        return _hash(content)

    @property
    def rules_digest(self) -> str:
        """SHA-256 of the rules as they were frozen: a change by hand, past the ledger, is found by it.

        Of a public part, whose digest is that of another lock, of all that it holds.
        """
        return _hash(self if self.whole else (rules_of(self.contest), self.source))


def told_of(findings: Sequence[Finding], hidden: Sequence[str]) -> tuple[Finding, ...]:
    """Return the findings that name none of these ids."""
    names = set(hidden)
    return tuple(one for one in findings if one.id not in names and not any(name in one.reason for name in names))


def _hash(content: object) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def current_versions() -> dict[str, str]:
    """Return the versions of what decides about pixels and splits."""
    from importlib.metadata import version  # late: reading a lock, as the leaderboard does, needs none

    return {
        "python": platform.python_version(),
        "hemobench": harness.__version__,
        **{package: version(package) for package in PINNED},
    }


def write_lock(lock: Lock, path: Path) -> None:
    """Write `lock` as JSON, keys sorted, with its digests, so that a reader finds them."""
    document = {"digest": lock.digest, "rules_digest": lock.rules_digest, **msgspec.to_builtins(lock)}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=1) + b"\n")


Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Written(msgspec.Struct, frozen=True):
    """What a lock file says of itself."""

    digest: Digest
    rules_digest: Digest


def read_lock(path: Path) -> tuple[Lock, Written]:
    """Return the lock in `path`, and the digests that are written in it.

    Raises
    ------
    OSError
    msgspec.MsgspecError
        The file is no lock.
    """
    content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Lock), msgspec.json.decode(content, type=Written)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
