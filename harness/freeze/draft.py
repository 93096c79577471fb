"""A contest file for a source of one's own, drafted from what lies there."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from harness.contest import NAME, OWNER_STATES, Contest, FolderSource, SplitSpec, contest_files
from harness.errors import ContestError, SourceError
from harness.medmnist_sets import BY_CONTEST, of_file
from harness.misread import explain
from harness.words import as_toml, counted, printable
from harness.workspace import Workspace, write_atomic

ARRAYS = (
    ".npz",
    ".npy",
    ".h5",
    ".hdf5",
    ".mat",
    ".pkl",
    ".pickle",
    ".pt",
)  # what is no .npz of them is refused as such
BROKEN = "cannot be decoded"
LARGEST_KEPT, SIDE = 224, 96  # pixels: sides up to the first stay as they are; else images become squares of the second


@dataclass(frozen=True)
class Draft:
    """What was found in a source, and the contest that fits it.

    Attributes
    ----------
    name, title : str
    path : Path
        The source.
    kind : str
        Of ``[source]``.
    classes : mapping of str to int
        Images by class, in the order of their labels.
    sizes : tuple of (int, int, int)
        Height and width of images, and how many have them; the most frequent first.
    positions : bool
        Whether labels are positions in `classes`, not words.
    grey : bool
        Whether the images that were looked at have no colour.
    height, width : int
        Of the contest's images.
    splits : mapping of str to int
        Images by split; empty where the source has none.
    source, split : mapping
        Settings of ``[source]`` and ``[split]``.
    left_out : mapping of str to tuple of str
        What would not be taken, by reason.
    licence, citation : str
    """

    name: str
    title: str
    path: Path
    kind: str
    classes: Mapping[str, int]
    sizes: tuple[tuple[int, int, int], ...]
    grey: bool
    height: int
    width: int
    positions: bool = False
    splits: Mapping[str, int] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licence: str = OWNER_STATES
    citation: str = OWNER_STATES

    @property
    def images(self) -> int:
        return sum(self.classes.values())

    @property
    def resized(self) -> int:
        """How many images have another size than the contest's."""
        return sum(n for height, width, n in self.sizes if (height, width) != (self.height, self.width))

    @property
    def command(self) -> str:
        """What freezes it."""
        broken = " --leave-out-broken" if BROKEN in self.left_out else ""
        return f"hemobench freeze --contest {self.name} --source {shlex.quote(str(self.path))}{broken}"

    @property
    def text(self) -> str:
        """The contest file."""
        found = ", ".join(f"{name} {n:,}" for name, n in self.classes.items())
        lines = [
            f"# Made by hemobench contest new, from {printable(self.path)}.",
            f"# Found: {self.images:,} images, {'grey' if self.grey else 'in colour'}; {printable(found)}.",
            "# What is not stated here (cleaning, split, shift, limits, metrics) is as blood-cells.toml spells it out.",
            "",
            f"name = {as_toml(self.name)}",
            f"title = {as_toml(self.title)}",
            "version = 1  # for people; that data and truth are the same, the lock says",
            "",
            "# The label of an image is its class's position here, from 0.",
            f"class_names = {as_toml(list(self.classes))}",
            f"image_shape = [{self.height}, {self.width}, 3]  # height, width, RGB",
            "",
            "[source]",
            f"kind = {as_toml(self.kind)}",
            *(f"{key} = {as_toml(value)}" for key, value in self.source.items() if not isinstance(value, dict)),
            f"licence = {as_toml(self.licence)}",
            f"citation = {as_toml(self.citation)}",
            *(
                line
                for section, values in self.source.items()
                if isinstance(values, dict)
                for line in (
                    "",
                    f"[source.{section}]",
                    *(f"{as_toml(key)} = {as_toml(v)}" for key, v in values.items()),
                )
            ),
            *(
                ["", "[split]", *(f"{key} = {as_toml(value)}" for key, value in self.split.items())]
                if self.split
                else []
            ),
            "",
        ]
        return "\n".join(lines)

    @property
    def contest(self) -> Contest:
        """The contest that its file states.

        Raises
        ------
        ContestError
            A name or text is none that a contest may have.
        """
        document = msgspec.toml.decode(self.text)
        try:
            return msgspec.convert(document, Contest)
        except msgspec.ValidationError as error:
            what, hint = explain(str(error), document, Contest)
            raise ContestError(f"No contest can be made of {self.path.name}: {what}.", hint) from error

    def renamed(self, names: Sequence[str]) -> Draft:
        """Return the draft with other names for its classes, in the same order.

        Raises
        ------
        ContestError
            They are not as many.
        """
        if len(names) != len(self.classes):
            raise ContestError(
                f"Got {counted(len(names), 'name')}, expected {len(self.classes)}, for {', '.join(self.classes)}.",
                "Name each class once, in this order.",
            )
        new = dict(zip(self.classes, names, strict=True))
        # Words in the source stand for their class from now on; numbers are positions, or have aliases.
        aliases = self.source.get("aliases") or ({} if self.positions else {old: old for old in self.classes})
        kept = {word: new[old] for word, old in aliases.items() if word != new[old]}
        source = {**self.source, "aliases": kept}
        return replace(self, classes=dict(zip(names, self.classes.values(), strict=True)), source=source)

    def write(self, workspace: Path) -> Path:
        """Write the contest file into a workspace, and return its path.

        Raises
        ------
        ContestError
            There is a contest of that name already, a class has too few images, or the draft states what a contest
            must not.
        """
        from harness.sources.folder import several

        home = Workspace(workspace)
        _check_name(home, self.name)
        if few := {name: n for name, n in self.classes.items() if n < self.needed and not self.split}:
            raise ContestError(
                f"A contest needs {self.needed} images of each class, so that each split and half of the hidden test "
                f"holds one; there are {several([f'{n} of {name}' for name, n in few.items()])}.",
                "Add images of them, or leave a class of a folder out: --leave-out CLASS",
            )
        _ = self.contest  # it is one, or an error says why not
        path = home.own_contests / f"{self.name}.toml"
        write_atomic(path, self.text.encode())
        home.write_git_files()
        return path

    @property
    def needed(self) -> int:
        """How many images a class needs, so that every split and both halves of the hidden test hold one."""
        from harness.freeze.split import images_needed  # late: NumPy, and `api` imports this file

        in_all, in_test, outside = images_needed(SplitSpec())
        return in_test + outside if self.source.get("splits") == "keep" else in_all


def draft_contest(
    workspace: Path, name: str, path: Path, size: tuple[int, int] | None = None, *, ignore: tuple[str, ...] = ()
) -> Draft:
    """Look at a source and return the contest that fits it.

    Parameters
    ----------
    workspace : Path
        In which the contest is to be.
    name : str
        Of the contest.
    path : Path
        An ``.npz``; or a folder, zip, tar or table of images.
    size : tuple of int, optional
        Height and width of the contest's images; by default those that nine tenths of the images have, where no side is
        longer than 224 pixels, else those of a square of at most 96.

    ignore : tuple of str
        Classes and files of a folder, zip or tar to leave out.

    Raises
    ------
    ContestError
        `name` is no name of a contest, or one has it already.
    SourceError
        There is no such source, or it holds no images with labels.
    """
    _check_name(Workspace(workspace), name)
    if not path.exists():
        raise SourceError(f"There is no {path}.", "Look for a misspelt name.")
    if not is_npz(path):
        return _of_folder(name, path, size, ignore)
    if ignore:
        raise ContestError("Arrays have nothing that can be left out.", "Save an .npz without these images.")
    return _of_arrays(name, path, size)


def is_npz(path: Path) -> bool:
    """Return whether a file is to be read as arrays: by its suffix, or as a zip that holds some."""
    if path.suffix.lower() in ARRAYS:
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _of_folder(name: str, path: Path, size: tuple[int, int] | None, ignore: tuple[str, ...]) -> Draft:
    from harness.sources.survey import survey

    found = survey(path, ignore=ignore)
    if not found.classes or "" in found.classes:
        raise SourceError(
            f"Nothing says which class the images of {path.name} are of.",
            "Put them into a folder for each class, or a table beside them with columns file and label.",
        )
    sizes = tuple((height, width, n) for width, height, n in found.sizes)
    height, width = size or size_for(sizes)
    left_out = dict(found.ignored)
    if found.broken:
        left_out[BROKEN] = tuple(f"{file}, {fault.removeprefix(BROKEN + ': ')}" for file, fault in found.broken.items())
    return Draft(
        name=name,
        title=_title(name),
        path=path,
        kind="folder",
        classes=found.classes,
        sizes=sizes,
        grey=found.grey,
        height=height,
        width=width,
        splits=found.splits,
        source=_given(
            ignore=list(ignore),
            splits="keep" if "test" in found.splits else "",
            levels=found.levels,
            megapixels=found.megapixels if found.megapixels > FolderSource().megapixels else 0,
            resize=sizes[0][:2] != (height, width) or len(sizes) > 1,
        ),
        split={"group": found.group, "ungrouped": "alone"} if found.group else {},
        left_out=left_out,
    )


def _of_arrays(name: str, path: Path, size: tuple[int, int] | None) -> Draft:
    from harness.sources.array_survey import survey_arrays

    found = survey_arrays(path)
    sizes = ((found.height, found.width, sum(found.classes.values())),)
    height, width = size or size_for(sizes)
    draft = Draft(
        name=name,
        title=_title(name),
        path=path,
        kind="arrays",
        classes=found.classes,
        sizes=sizes,
        grey=found.grey,
        height=height,
        width=width,
        positions=found.positions,
        splits=found.splits,
        source=_given(
            images=found.images,
            labels=found.labels,
            splits="keep" if "test" in found.splits else "",
            levels=found.levels,
            resize=(height, width) != sizes[0][:2],
            aliases=found.aliases,
        ),
        split={"group": found.group, "ungrouped": "alone"} if found.group else {},
        left_out={"arrays that are neither images nor labels": tuple(found.not_read)} if found.not_read else {},
    )
    published = of_file(found.md5)
    if published is None:
        return draft
    one, pixels = published
    counts = dict(zip(one.class_names, found.classes.values(), strict=False))
    return replace(
        draft,
        title=f"{one.title} of MedMNIST",
        kind="medmnist",
        classes=counts,
        source={"name": one.name, "size": pixels},
        licence=one.licence,
        citation=one.citation,
    )


def size_for(sizes: tuple[tuple[int, int, int], ...]) -> tuple[int, int]:
    """Return height and width of a contest's images, from heights and widths found and how many images have them.

    Examples
    --------
    >>> size_for(((28, 28, 90), (30, 30, 2))), size_for(((363, 360, 90),)), size_for(((40, 50, 4), (60, 50, 3)))
    ((28, 28), (96, 96), (40, 40))
    """
    height, width, n = sizes[0]
    if 10 * n >= 9 * sum(count for _, _, count in sizes) and max(height, width) <= LARGEST_KEPT:
        return height, width
    side = min(SIDE, height, width)
    return side, side


def _check_name(workspace: Workspace, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ContestError(f"{name!r} is no name of a contest.", "Expected small letters, digits and dashes.")
    own = contest_files(workspace.own_contests)
    if name in own or name in BY_CONTEST:
        where = f", in {own[name]}" if name in own else " of MedMNIST"
        raise ContestError(
            f"There is a contest {name!r} already{where}; nothing was written.", "Give yours another name."
        )


def _given(**settings: Any) -> dict[str, Any]:
    """Return the settings that say something."""
    return {key: value for key, value in settings.items() if value}


def _title(name: str) -> str:
    return name.replace("-", " ").capitalize()
