"""A folder of images, or a zip of one, with a sub-folder for each class.

Datasheet
---------
Input
    PNG, JPEG or WebP at ``CLASS/FILE``, below any number of enclosing folders; recognised by content, listed by
    suffix.  The first frame counts.  A zip is read in place: nothing of it is written to disk.  A class folder may be a
    link; a file that leads out of the folder by a link is not opened, nor is a pipe, a socket or a device.
Label
    The name of the class folder; case, spaces, dashes and underscores do not matter.
Colour
    Everything becomes 8-bit RGB: grey is repeated, a palette resolved, CMYK converted without its ICC profile, 16 bits
    lose their lower byte, transparency lies on white, as an empty field of a smear does.  EXIF is ignored, its
    orientation too: a cell has no upright.  How many images were not RGB stands in the provenance.
Size
    The contest's ``image_shape``, unless its ``[source]`` says ``resize = true`` (rule: `harness.sources.resize`).
Splits
    None of its own.
Licence, citation
    Whatever the owner of the images states; the harness cannot know it.
    For ``blood-cells-folder``: A. Acevedo et al., "A dataset of microscopic peripheral blood cell images for
    development of automatic recognition systems", Data in Brief 30 (2020) 105474, Mendeley Data snkd93bnjr, CC BY 4.0.
Known faults
    That dataset holds a few exact duplicates.
"""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from harness.contest import FolderSource
from harness.errors import SourceError, UnreadableError, did_you_mean
from harness.limited import Reader
from harness.plain_files import plain_files
from harness.progress import Track, silent
from harness.sources.decoding import RESIZE, WHOLE, Decoded, ImageFile, decode, open_zip
from harness.sources.image_set import ImageSet
from harness.sources.npz import digest
from harness.sources.resize import RULE
from harness.sources.shared import DECODING, THREADS, reader_of, view

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
OTHER_IMAGES = frozenset({".tif", ".tiff", ".bmp", ".gif", ".jp2", ".avif", ".heic"})  # an error, not a stray file

NAMED = 30  # broken images that one message names
MOST_ENDED = 20  # images that may end the process which decodes them
DROP = "Or leave it out: write its name into drop, under [cleaning] of a copy of the contest file."


@dataclass(frozen=True)
class _Listing:
    """What lies in a folder or a zip.

    Attributes
    ----------
    files : mapping of PurePosixPath to str
        Path below the source, and the name by which it is opened.
    folders : frozenset of PurePosixPath
    left_out : mapping of PurePosixPath to str
        What is no plain file, with the reason.
    """

    files: Mapping[PurePosixPath, str]
    folders: frozenset[PurePosixPath]
    left_out: Mapping[PurePosixPath, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """The images sorted by id, and the other files with what they are."""

    files: tuple[ImageFile, ...]
    ignored: tuple[str, ...]


def load(
    source: FolderSource,
    path: Path,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    drop: Collection[str] = (),
    track: Track = silent,
) -> ImageSet:
    """Read all images below `path`, sorted by id, which is ``class/file``.

    Those in `drop` are listed and not decoded: their pixels are black.

    Raises
    ------
    SourceError
        The zip is damaged or encrypted; a class folder is missing, unknown, twice there or empty; images cannot be
        decoded or have another size.  The message names all of them, in the order of the ids.
    """
    with reader_of(DECODING) as (reader, fd):
        listed = reader.call(path.name, list_images, path, tuple(class_names))
        images = view(fd, (len(listed.files), *image_shape))
        wanted = tuple(file if file.id not in drop else replace(file, name="") for file in listed.files)
        done = list(
            track(
                decoded(reader, fd, path, wanted, image_shape, source.resize),
                f"decoding {path.name} (images)",
                len(wanted),
            )
        )
    if faults := [(p.id, one) for p, one in zip(wanted, done, strict=True) if one.fault and p.id not in drop]:
        raise faulty(faults)
    labels = np.array([file.label for file in listed.files], np.int64)
    return ImageSet(
        images=images,
        labels=labels,
        ids=tuple(file.id for file in listed.files),
        class_names=tuple(class_names),
        provenance=_provenance(source, path, class_names, labels, done, listed.ignored),
    )


def decoded(
    reader: Reader,
    fd: int,
    path: Path,
    files: Sequence[ImageFile],
    image_shape: tuple[int, int, int],
    resize: bool,
    function: Callable[..., Iterator[Decoded]] = decode,
) -> Iterator[Decoded]:
    """Yield what became of each image; one that ends the process that decodes it is named, and the next one begun.

    With several threads nobody knows which image it was, so that the next few are decoded one by one.
    """
    first, alone, ended = 0, 0, 0
    while first < len(files):
        some = tuple(files[first : first + 1 if alone else None])
        try:
            threads = 1 if alone else THREADS
            for one in reader.each(
                path.name, function, path, some, fd, first, len(files), image_shape, resize, threads
            ):
                yield one
                first, alone = first + 1, max(alone - 1, 0)
        except UnreadableError as error:
            if ended > MOST_ENDED:
                raise
            if alone or THREADS == 1:
                reason = error.message.partition(" cannot be read: ")[2]
                yield Decoded(fault=f" cannot be decoded: {reason}", hint=WHOLE)
                first, alone, ended = first + 1, max(alone - 1, 0), ended + 1
            else:
                alone = 2 * THREADS


def faulty(faults: Sequence[tuple[str, Decoded]]) -> SourceError:
    """Return one error for all images that cannot be used."""
    (name, first), *others = faults
    message = f"{name}{first.fault.rstrip('.')}."
    if others:
        same = [other for other, one in others if one.fault == first.fault]
        different = [f"{other}{one.fault.rstrip('.')}" for other, one in others if one.fault != first.fault]
        if same:
            message += f" The same holds for {_several(same, ', ')}."
        if different:
            message += f" {_several(different, '; ')}."
    return SourceError(message, first.hint if first.hint == RESIZE else f"{first.hint.rstrip('.')}. {DROP}")


def _several(names: Sequence[str], comma: str) -> str:
    more = len(names) - NAMED
    return comma.join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def list_images(path: Path, class_names: tuple[str, ...]) -> Listed:
    """List the images; to be called in another process."""
    if path.is_dir():
        return _by_class(_list_folder(path), path, class_names)
    if not path.is_file():
        raise SourceError(f"{path.name} is neither a folder nor a zip.", "Name the folder, or the zip of it.")
    with open_zip(path) as archive:
        return _by_class(_list_zip(archive), path, class_names)


def _provenance(
    source: FolderSource,
    path: Path,
    class_names: Sequence[str],
    labels: NDArray[np.int64],
    done: Sequence[Decoded],
    ignored: Sequence[str],
) -> dict[str, str]:
    per_class = np.bincount(labels, minlength=len(class_names))
    modes = Counter(one.mode for one in done if one.mode != "RGB")
    facts = {
        "source": "folder of class folders",
        "licence": source.licence,
        "citation": source.citation,
        "file": path.name or path.resolve().name,
        "images": str(len(labels)),
        "images per class": ", ".join(f"{name} {n}" for name, n in zip(class_names, per_class, strict=True)),
    }
    if path.is_file():
        facts["sha256"] = digest(path, "sha256")
    if resized := sum(one.resized for one in done):
        facts["resized"] = f"{resized} images: {RULE}"
    if modes:
        facts["converted to RGB"] = ", ".join(f"{n} of {mode}" for mode, n in sorted(modes.items()))
    if ignored:
        shown = ", ".join(ignored[:5]) + (", …" if len(ignored) > 5 else "")
        facts["files ignored"] = f"{len(ignored)}: {shown}"
    return facts


def _list_folder(root: Path) -> _Listing:
    found = plain_files(root, follow=True)  # class folders may be links to where the data lie
    return _Listing({name: str(name) for name in found.plain}, found.folders, found.left_out)


def _list_zip(archive: zipfile.ZipFile) -> _Listing:
    files: dict[PurePosixPath, str] = {}
    folders = set()
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))  # some programs on Windows write backslashes
        folders |= set(path.parents)
        if member.filename.endswith("/"):  # is_dir() fails at an empty name
            folders.add(path)
        elif path in files:
            raise SourceError(f"{path} is in the zip twice, expected each name once.", "Zip the folder again.")
        else:
            files[path] = member.filename
    return _Listing(files, frozenset(folders - {PurePosixPath(".")}))


def _by_class(listing: _Listing, path: Path, class_names: Sequence[str]) -> Listed:
    """Return the images sorted by id, and the files that are none."""
    left_out = {name: reason for name, reason in listing.left_out.items() if not _is_hidden(name)}
    files = sorted(name for name in (*listing.files, *left_out) if not _is_hidden(name))
    # Names become ids, which are printed and written into files: nothing may leave the folder or control a terminal.
    if odd := next((n for n in files if n.is_absolute() or ".." in n.parts or not str(n).isprintable()), None):
        raise SourceError(
            f"{str(odd)!r} in {path.name} is no name for an image.",
            "Expected a relative name without '..' and control characters: rename it.",
        )
    found = [name for name in files if name.suffix.lower() in SUFFIXES]
    ignored = [name for name in files if name.suffix.lower() not in SUFFIXES]
    if other := next((name for name in ignored if name.suffix.lower() in OTHER_IMAGES), None):
        raise SourceError(f"{other} is a {other.suffix} file, expected PNG, JPEG or WebP.", "Convert it to PNG.")
    if not found:
        also = f" It holds {ignored[0]}." if ignored else ""
        raise SourceError(
            f"{path.name} holds no PNG, JPEG or WebP.{also}",
            "Name a folder with a sub-folder of images for each class; "
            "for an .npz take the contest blood-cells-an2dl or blood-cells-medmnist.",
        )

    label_of = {fold(name): label for label, name in enumerate(class_names)}
    root = _root(found, label_of)
    folder_of: dict[int, str] = {}
    image_files = []
    for name in found:
        inside = name.relative_to(root)
        if len(inside.parts) == 1:
            raise SourceError(f"The image {name} lies in no class folder.", "Move it into one, or away.")
        folder = inside.parts[0]
        label = label_of.get(fold(folder))
        if label is None:
            raise SourceError(
                f"The folder {folder!r} is none of the contest's {len(class_names)} classes.",
                did_you_mean(folder.lower(), class_names),
            )
        if folder_of.setdefault(label, folder) != folder:
            raise SourceError(
                f"The folders {folder_of[label]!r} and {folder!r} are both the class {class_names[label]}.",
                "Put their images into one of them.",
            )
        image_id = "/".join((class_names[label], *inside.parts[1:]))
        image_files.append(ImageFile(image_id, label, listing.files.get(name, ""), left_out.get(name, "")))

    there = {fold(folder.name) for folder in listing.folders if folder.parent == root}
    for label, class_name in enumerate(class_names):
        if label in folder_of:
            continue
        if fold(class_name) in there:
            raise SourceError(
                f"The class folder {class_name!r} holds no image.", "Put PNG, JPEG or WebP files into it."
            )
        raise SourceError(
            f"There is no folder for the class {class_name!r}.",
            f"Add it; found: {', '.join(sorted(folder_of.values()))}.",
        )
    others = (f"{name} ({left_out[name]})" if name in left_out else str(name) for name in ignored)
    return Listed(tuple(sorted(image_files, key=lambda file: file.id)), tuple(others))


def _root(files: Iterable[PurePosixPath], classes: Mapping[str, int]) -> PurePosixPath:
    """Return the folder that encloses the class folders: a zip often has one more level than its folder had."""
    parents = [file.parent.parts for file in files]
    depth = 0
    while all(len(parts) > depth + 1 for parts in parents):
        tops = {parts[depth] for parts in parents}
        if len(tops) > 1 or fold(next(iter(tops))) in classes:
            break
        depth += 1
    return PurePosixPath(*parents[0][:depth])


def _is_hidden(name: PurePosixPath) -> bool:
    """Tell what operating systems leave behind from what a person put there."""
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in name.parts)


def fold(name: str) -> str:
    """Return what is compared of a class name.

    Examples
    --------
    >>> fold("Immature Granulocyte") == fold("immature_granulocyte")
    True
    """
    return re.sub(r"[\s_-]+", "", name).casefold()
