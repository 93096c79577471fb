"""A contest, frozen: what is classified, where the images come from, how they are split, shifted and scored.

A contest is one TOML file.  Those shipped lie in ``harness/contests``; a workspace may hold more in its own
``contests.d`` folder, and a path to a ``.toml`` file is accepted wherever a name is.

What a file states is of two sorts.  The *identity* defines data and truth: another one is another contest, with a board
of its own.  The *rules* (`rules_of`) are limits, quotas and texts, and may change while a contest runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from harness.contest_rules import MOMENTS, moment
from harness.contest_rules import BoardRules as BoardRules
from harness.contest_rules import HandInRules as HandInRules
from harness.contest_rules import Limits as Limits
from harness.contest_rules import Positive as Positive
from harness.contest_rules import Share as Share
from harness.errors import ContestError, did_you_mean
from harness.medmnist_sets import BY_CONTEST, SEVERAL_LABELS, Size, published
from harness.misread import explain

SHIPPED = Path(__file__).parent / "contests"

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")  # of a contest: it names a folder, too

Seed = int | Literal["private"]  # private: drawn when the contest is frozen first, and kept beside the hidden labels

MetricName = Literal["accuracy", "macro_f1", "balanced_accuracy"]  # `harness.score.metrics` computes them

OWNER_STATES = "as the owner of the images states"


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: read-only, and a misspelt key is an error."""


class EmbeddedSource(Spec, frozen=True, tag="embedded", tag_field="kind"):
    """The generator that is part of this package: no file, no network."""

    n_images: Annotated[int, Meta(ge=80)] = 4000
    seed: int = 2024
    slides: Annotated[int, Meta(ge=0)] | UnsetType = UNSET  # on which the cells lie; 0 or not set: each on its own


class ArraysSource(Spec, frozen=True, tag="arrays", tag_field="kind"):
    """An ``.npz`` with an array of images and one of labels, or one of each for a split, by their names."""

    images: str = "images"
    labels: str = "labels"
    aliases: dict[str, str] = {}  # what a label is called in the file, a word or a number, and the class it stands for
    splits: Literal["keep", "pool"] = "keep"  # keep: the file's test split is the hidden test; pool: all is split anew
    levels: Annotated[int, Meta(ge=2, le=65536)] | None = None  # 4096 of a camera of 12 bits; None: by the values
    resize: bool = False  # False: another size is an error. True: centre square, then bicubic, to `image_shape`.
    licence: str = OWNER_STATES
    citation: str = OWNER_STATES


class An2dlSource(ArraysSource, frozen=True, tag="an2dl", tag_field="kind"):
    """The same, as a course calls its ``training_set.npz``."""


class MedmnistSource(Spec, frozen=True, tag="medmnist", tag_field="kind"):
    """A set of MedMNIST, downloaded or given as its ``.npz``; its official test split becomes the hidden test."""

    name: str = "bloodmnist"
    size: Size = 128
    licence: str | None = None  # None: the published one, where the file is the published one
    citation: str | None = None

    def __post_init__(self) -> None:
        published(self.name)


class Columns(Spec, frozen=True):
    """The columns of a table of images; an empty one is found by its usual names.  `SplitSpec.group` names one more."""

    file: str = ""
    label: str = ""
    split: str = ""


class FolderSource(Spec, frozen=True, tag="folder", tag_field="kind"):
    """A folder, zip or tar of images: in a sub-folder for each class, or with a table of their labels."""

    aliases: dict[str, str] = {}  # what a folder or label is called in the source, and the class that it stands for
    ignore: tuple[str, ...] = ()  # folders, files and labels to leave out: names, or patterns such as "old/*.jpg"
    splits: Literal["keep", "pool"] = "keep"  # keep: a test split of the source is the hidden test; pool: none is
    table: str = ""  # path of the table in the source; empty: the one that has the columns
    columns: Columns = Columns()
    resize: bool = False  # False: another size is an error. True: centre square, then bicubic, to `image_shape`.
    levels: Annotated[int, Meta(ge=2, le=65536)] | None = None  # of images of 16 bits: 4096 where a camera gave 12
    megapixels: Annotated[int, Meta(ge=1, le=250)] = 25  # of the largest image; memory for decoding grows with it
    licence: str = OWNER_STATES
    citation: str = OWNER_STATES


Source = EmbeddedSource | ArraysSource | An2dlSource | MedmnistSource | FolderSource


class Cleaning(Spec, frozen=True):
    """Which images do not belong in a contest.  `keep` and `drop` hold ids and overrule every rule."""

    mass_copies: Annotated[int, Meta(ge=2)] = 10  # an image that stands in the source so often is junk: all copies go
    near_bits: Annotated[int, Meta(ge=0, le=256)] = 40  # of 256 of the difference hash, of registered near duplicates
    near_difference: Annotated[float, Meta(ge=0)] = 12.0  # grey levels 0-255 of the part that differs most, then
    near_duplicates: Literal["group", "drop"] = "group"  # group: all stay, in one split; drop: the first stays
    outlier_factor: Annotated[float, Meta(gt=0)] = 20.0  # median absolute deviations beyond the usual distance
    blank_contrast: Annotated[float, Meta(ge=0)] = 4.0  # standard deviation of the luminance, grey levels 0-255
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    relabel: dict[str, str] | UnsetType = UNSET


class SplitSpec(Spec, frozen=True):
    """Shares of the cleaned images; the rest of `hidden` and `val` is the training set.

    A group, a patient or a slide, is never cut: it is named by `group`, what the source knows it by, or by
    `group_pattern`.
    """

    hidden: Share = 0.20
    val: Share = 0.08
    public: Share = 0.5  # of the hidden test: scored at once; the other half shows when the contest closes
    seed: Seed = 4430
    # Not set is not written: locks of contests without groups stay as they are.
    group: str | UnsetType = UNSET  # a column of the source's table; of the embedded source: "slide"
    group_pattern: str | UnsetType = UNSET  # a regular expression, searched in the id; what its parentheses hold
    ungrouped: Literal["refuse", "alone"] | UnsetType = UNSET  # images of no group; "alone": each is one of its own

    @property
    def grouped(self) -> bool:
        return bool(self.group or self.group_pattern)


class Shift(Spec, frozen=True):
    """How the hidden test is corrupted: a chain per image, drawn from a seed and the image itself."""

    clean: Share = 0.05  # share of images left as they are
    chain: tuple[Positive, ...] = (2, 3, 4)  # lengths, equally likely; each link from another group
    severities: tuple[Annotated[int, Meta(ge=1, le=5)], ...] = (2, 3, 4, 5)
    seed: Seed = 2406


class MetricSpec(Spec, frozen=True):
    """A metric by name, and its direction, declared and never guessed."""

    name: MetricName
    direction: Literal["maximize"] = "maximize"


class Contest(Spec, frozen=True):
    """One competition, as its TOML file states it."""

    name: str  # small letters, digits and dashes: its folder is called so, and `--contest`
    title: str
    version: Positive  # for people; with other data it is another contest by its lock
    class_names: tuple[str, ...]  # in the order of the labels 0, 1, 2 …
    image_shape: tuple[Positive, Positive, Literal[3]]  # height, width, channels
    source: Source
    cleaning: Cleaning = Cleaning()
    split: SplitSpec = SplitSpec()
    shift: Shift = Shift()
    limits: Limits = Limits()
    # The first ranks.
    metrics: Annotated[tuple[MetricSpec, ...], Meta(min_length=1)] = (
        MetricSpec(name="accuracy"),
        MetricSpec(name="macro_f1"),
        MetricSpec(name="balanced_accuracy"),
    )
    board: BoardRules = BoardRules()
    hand_in: HandInRules = HandInRules()
    runtimes: tuple[str, ...] = ()  # those that entries may ask for; none named: all that the machine has

    def __post_init__(self) -> None:
        for field, text in _texts(msgspec.to_builtins(self)):
            # They are shown on terminals, pages and figures: no letter of theirs clears a screen or turns a line round.
            if odd := next((letter for letter in text if not letter.isprintable()), None):
                raise ValueError(f"{field} holds {odd!r}, expected one line of letters that can be printed")
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r}: expected small letters, digits and dashes")
        if len(self.class_names) < 2 or len(set(self.class_names)) != len(self.class_names):
            raise ValueError("class_names: expected at least two names, each once")
        for alias, name in getattr(self.source, "aliases", {}).items():
            if name not in self.class_names:
                raise ValueError(f"source.aliases: {alias!r} stands for {name!r}, which is none of class_names")
        if self.split.hidden + self.split.val >= 1:
            raise ValueError("split: hidden + val must leave a share for training")
        if not (self.split.hidden and self.split.val and 0 < self.split.public < 1):
            raise ValueError("split: hidden and val must be above 0, and public between 0 and 1: none may be empty")
        _check_groups(self.split)
        if not self.shift.chain or not self.shift.severities:
            raise ValueError("shift: chain and severities need at least one value each")
        if max(self.shift.chain) > 4:
            raise ValueError("shift: a chain takes each link from another of 4 groups, so it has at most 4")
        if overlap := set(self.cleaning.keep) & set(self.cleaning.drop):
            raise ValueError(f"cleaning: {sorted(overlap)[0]!r} is in keep and in drop")
        for name, label in (self.cleaning.relabel or {}).items():
            if label not in self.class_names:
                raise ValueError(f"cleaning: relabel calls {name!r} {label!r}, expected one of class_names")
            if name in self.cleaning.drop:
                raise ValueError(f"cleaning: {name!r} is in relabel and in drop")
        if len({spec.name for spec in self.metrics}) != len(self.metrics):
            raise ValueError("metrics: expected each once")
        if self.board.ladder and self.metrics[0].name != "accuracy":
            raise ValueError("board: the Ladder compares by accuracy, which must be the first of the metrics")

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def ungrouped(self) -> bool:
        """Whether images may hang together without a word of it: `harness.words.UNGROUPED` says so to people."""
        single = isinstance(self.source, EmbeddedSource) and not self.source.slides
        return not (self.split.grouped or single)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes this another contest than another: all that is no rule, and the primary metric."""
        document = msgspec.to_builtins(self)
        for section, names in _rule_names(self).items():
            part = document[section] if section else document
            for name in names:
                del part[name]
            if section and not part:
                del document[section]
        return document | {"metric": msgspec.to_builtins(self.metrics[0])}


def _check_groups(split: SplitSpec) -> None:
    if split.group and split.group_pattern:
        raise ValueError("split: expected group, a column, or group_pattern, not both")
    if split.ungrouped and not split.grouped:
        raise ValueError("split: ungrouped says nothing without group or group_pattern")
    if split.group_pattern:
        try:
            found = re.compile(split.group_pattern).groups
        except re.error as error:
            raise ValueError(f"split: group_pattern {split.group_pattern!r}: {error}") from error
        if found != 1:
            raise ValueError(
                f"split: group_pattern {split.group_pattern!r} has {found} pairs of parentheses that capture, expected "
                r"one around the group, such as '(?P<group>p\d+)_'; others are written (?:…)"
            )


SOURCE_TEXTS = ("licence", "citation")  # of a source: words for people, which say nothing about a pixel


def _rule_names(contest: Contest) -> dict[str, tuple[str, ...]]:
    """Return the names of the rules by the section of the file that holds them; "" is its top."""
    return {
        "": ("title", "version", "metrics", "runtimes"),
        "limits": Limits.__struct_fields__,
        "board": BoardRules.__struct_fields__,
        "hand_in": HandInRules.__struct_fields__,
        "source": tuple(name for name in SOURCE_TEXTS if name in contest.source.__struct_fields__),
    }


def rules_of(contest: Contest) -> dict[str, Any]:
    """Return the rules of a contest by name, as JSON holds them; ``metrics`` are names, the primary one first.

    Examples
    --------
    >>> rules_of(find_contest("blood-cells"))["time_s"]
    900
    """
    document = msgspec.to_builtins(contest)
    rules = {
        name: (document[section] if section else document)[name]
        for section, names in _rule_names(contest).items()
        for name in names
    }
    return rules | {"metrics": [spec.name for spec in contest.metrics], "runtimes": list(contest.runtimes)}


def with_rules(contest: Contest, changes: Mapping[str, Any]) -> Contest:
    """Return a contest with some of its rules changed; a value may be text, as a person types it.

    Raises
    ------
    msgspec.ValidationError
        A value is none that the contest file could hold; told as for a contest file.
    """
    document = msgspec.to_builtins(contest)
    changes = {name: moment(value) if name in MOMENTS else value for name, value in changes.items()}
    for section, names in _rule_names(contest).items():
        part = document[section] if section else document
        part.update({name: changes[name] for name in names if name in changes})
    if "metrics" in changes:
        known = {spec.name: spec for spec in contest.metrics}
        document["metrics"] = [
            msgspec.to_builtins(known[name]) if name in known else {"name": name} for name in changes["metrics"]
        ]
    try:
        return msgspec.convert(document, Contest, strict=False)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(explain(str(error), document, Contest)[0]) from error


def with_seeds(contest: Contest, split: Seed, shift: Seed) -> Contest:
    """Return a contest with other seeds of its split and its shift."""
    replace = msgspec.structs.replace
    return replace(contest, split=replace(contest.split, seed=split), shift=replace(contest.shift, seed=shift))


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a contest with the field that holds it, sections before a dot."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, f"{field}.{key}" if field else key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, field)


def read_contest(path: Path) -> Contest:
    """Read one contest file.

    Raises
    ------
    ContestError
        The file is missing, no plain file, or not TOML, or a key or value is not as `Contest` states it.
    """
    data, compare = b"", f"Compare it with {SHIPPED / 'blood-cells.toml'}"
    try:
        if path.exists() and not path.is_file():  # a pipe would never end, a device have no end
            raise ContestError(f"{path} is no plain file.", "See: hemobench contest list")
        data = path.read_bytes()
        return msgspec.toml.decode(data, type=Contest)
    except FileNotFoundError:
        raise ContestError(f"No contest file {path}.", "See: hemobench contest list") from None
    except OSError as error:
        raise ContestError(f"{path} cannot be read: {error.strerror}.", "See: hemobench contest list") from error
    except msgspec.ValidationError as error:
        what, hint = explain(str(error), msgspec.toml.decode(data), Contest)
        raise ContestError(f"{path.name} is not a contest file: {what}.", hint or compare) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:  # ValueError: also what is no TOML or no UTF-8
        raise ContestError(f"{path.name} is not a contest file: {error}.", compare) from error


def contest_files(*folders: Path) -> dict[str, Path]:
    """Return the contest files by name, those shipped first; a folder named later overrules."""
    return {path.stem: path for folder in (SHIPPED, *folders) for path in sorted(folder.glob("*.toml"))}


def find_contest(name: str, *folders: Path) -> Contest:
    """Return the contest called `name`, or the one in the file `name` when that ends in ``.toml``.

    The sets of MedMNIST need no file: ``pathmnist`` is a contest of images 28 × 28, ``pathmnist-64`` of 64 × 64.

    Examples
    --------
    >>> find_contest("octmnist-64").image_shape, find_contest("octmnist").class_names[2:]
    ((64, 64, 3), ('drusen', 'normal'))
    """
    if name.endswith(".toml"):
        return read_contest(Path(name))
    files = contest_files(*folders)
    if name in files:
        return read_contest(files[name])
    if reason := SEVERAL_LABELS.get(name.partition("-")[0]):
        raise ContestError(f"{name} cannot be a contest: {reason}.", "See: hemobench contest list")
    if name not in BY_CONTEST:
        raise ContestError(f"No contest is called {name!r}.", did_you_mean(name, (*files, *BY_CONTEST)))
    medmnist, size = BY_CONTEST[name]
    return Contest(
        name=name,
        title=f"{medmnist.title} of MedMNIST, {size} × {size}",
        version=1,
        class_names=medmnist.class_names,
        image_shape=(size, size, 3),
        source=MedmnistSource(name=medmnist.name, size=size),
    )
