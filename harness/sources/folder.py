"""A folder of pictures, or a zip of one, with a sub-folder for each class.

Datasheet
---------
Input
    PNG, JPEG or WebP at ``CLASS/FILE``, below any number of enclosing folders; recognised by content, listed by
    suffix.  The first frame counts.  A zip is read in place: nothing of it is written to disk.
Label
    The name of the class folder; case, spaces, dashes and underscores do not matter.
Colour
    Everything becomes 8-bit RGB: grey is repeated, a palette resolved, CMYK converted without its ICC profile, 16 bits
    lose their lower byte, transparency lies on white, as an empty field of a smear does.  EXIF is ignored, its
    orientation too: a cell has no upright.  How many pictures were not RGB stands in the provenance.
Size
    The contest's ``image_shape``, unless its ``[source]`` says ``resize = true`` (rule: `harness.sources.resize`).
Splits
    None of its own.
Licence, citation
    Whatever the owner of the pictures states; the harness cannot know it.
    For ``blood-cells-folder``: A. Acevedo et al., "A dataset of microscopic peripheral blood cell images for
    development of automatic recognition systems", Data in Brief 30 (2020) 105474, Mendeley Data snkd93bnjr, CC BY 4.0.
Known faults
    That dataset holds a few exact duplicates.
"""

from __future__ import annotations

import io
import os
import re
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

# Imported by name, so that they are registered before threads open pictures: Pillow's own search for plugins is
# not made for threads and may then miss the one it needs.
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

from harness.contest import FolderSource
from harness.errors import SourceError, did_you_mean
from harness.progress import Track, silent
from harness.sources import resize
from harness.sources.image_set import ImageSet
from harness.sources.npz import DAMAGED, digest

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
OTHER_PICTURES = frozenset({".tif", ".tiff", ".bmp", ".gif", ".jp2", ".avif", ".heic"})  # an error, not a stray file

# A picture of one cell has less than a megapixel.  These bound what a mistaken or hostile file costs each thread.
MAX_PIXELS = 25_000_000
MAX_FILE_BYTES = 64 * 2**20

# What Pillow's three decoders raise on bytes that are not what they should be.
UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class _Listing:
    """What lies in a folder or a zip.

    Attributes
    ----------
    files : mapping of PurePosixPath to function
        Path below the source, and what reads its bytes.
    folders : frozenset of PurePosixPath
    """

    files: Mapping[PurePosixPath, Callable[[], bytes]]
    folders: frozenset[PurePosixPath]


@dataclass(frozen=True)
class _Picture:
    id: str
    label: int
    read: Callable[[], bytes]


def load(
    source: FolderSource,
    path: Path,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    *,
    track: Track = silent,
) -> ImageSet:
    """Read all pictures below `path`, sorted by id, which is ``class/file``.

    Raises
    ------
    SourceError
        The zip is damaged or encrypted; a class folder is missing, unknown, twice there or empty; a picture cannot be
        decoded or has another size.  The message names the first such picture in the order of the ids.
    """
    if path.is_dir():
        return _load(source, _list_folder(path), path, class_names, image_shape, track)
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise SourceError(
            f"{path.name} is neither a folder nor a whole zip: {error}.",
            "A download that was cut looks like this: fetch it again, or name the unpacked folder.",
        ) from error
    with archive:
        return _load(source, _list_zip(archive), path, class_names, image_shape, track)


def _load(
    source: FolderSource,
    listing: _Listing,
    path: Path,
    class_names: Sequence[str],
    image_shape: tuple[int, int, int],
    track: Track,
) -> ImageSet:
    pictures, ignored = _by_class(listing, path, class_names)
    height, width, _ = image_shape
    images = np.empty((len(pictures), *image_shape), np.uint8)

    def decode_into(row: int) -> tuple[str, bool]:
        picture, mode = _decode(pictures[row], pictures[row].read())
        if picture.size != (width, height) and not source.resize:
            raise SourceError(
                f"{pictures[row].id} is {picture.width} wide and {picture.height} high, "
                f"the contest's pictures are {width} and {height}.",
                "Put resize = true under [source] of a copy of the contest file (centre square, then bicubic), "
                "or resize the pictures yourself.",
            )
        images[row] = np.asarray(resize.fit(picture, height, width))
        return mode, picture.size != (width, height)

    # Pillow decodes without the interpreter's lock, so threads use every core and share the one array.
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as threads:
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        rows = range(len(pictures))
        done = list(track(threads.map(decode_into, rows), f"decoding {path.name} (pictures)", len(rows)))

    labels = np.array([picture.label for picture in pictures], np.int64)
    return ImageSet(
        images=images,
        labels=labels,
        ids=tuple(picture.id for picture in pictures),
        class_names=tuple(class_names),
        provenance=_provenance(source, path, class_names, labels, done, ignored),
    )


def _provenance(
    source: FolderSource,
    path: Path,
    class_names: Sequence[str],
    labels: NDArray[np.int64],
    done: Sequence[tuple[str, bool]],
    ignored: Sequence[PurePosixPath],
) -> dict[str, str]:
    per_class = np.bincount(labels, minlength=len(class_names))
    modes = Counter(mode for mode, _ in done if mode != "RGB")
    facts = {
        "source": "folder of class folders",
        "licence": source.licence,
        "citation": source.citation,
        "file": path.name or path.resolve().name,
        "pictures": str(len(labels)),
        "pictures per class": ", ".join(f"{name} {n}" for name, n in zip(class_names, per_class, strict=True)),
    }
    if path.is_file():
        facts["sha256"] = digest(path, "sha256")
    if resized := sum(other_size for _, other_size in done):
        facts["resized"] = f"{resized} pictures: {resize.RULE}"
    if modes:
        facts["converted to RGB"] = ", ".join(f"{n} of {mode}" for mode, n in sorted(modes.items()))
    if ignored:
        shown = ", ".join(map(str, ignored[:5])) + (", …" if len(ignored) > 5 else "")
        facts["files ignored"] = f"{len(ignored)}: {shown}"
    return facts


def _list_folder(root: Path) -> _Listing:
    files: dict[PurePosixPath, Callable[[], bytes]] = {}
    folders = set()
    for where, below, names in os.walk(root, followlinks=True):  # class folders may be links to where the data lie
        here = PurePosixPath(Path(where).relative_to(root).as_posix())
        folders |= {here / name for name in below}
        for name in names:
            files[here / name] = _file_reader(Path(where) / name)
    return _Listing(files, frozenset(folders))


def _file_reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read: {error.strerror}.", "Mend its rights, or take it away."
            ) from error

    return read


def _list_zip(archive: zipfile.ZipFile) -> _Listing:
    files: dict[PurePosixPath, Callable[[], bytes]] = {}
    folders = set()
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))  # some programs on Windows write backslashes
        folders |= set(path.parents)
        if member.filename.endswith("/"):  # is_dir() fails at an empty name
            folders.add(path)
        elif path in files:
            raise SourceError(f"{path} is in the zip twice, expected each name once.", "Zip the folder again.")
        else:
            files[path] = _member_reader(archive, member)
    return _Listing(files, frozenset(folders - {PurePosixPath(".")}))


def _member_reader(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        if member.flag_bits & 0x1:
            raise SourceError(
                f"{member.filename} in the zip is encrypted.", "Unpack it with its password, and name the folder."
            )
        try:
            with archive.open(member) as file:
                # Bounded, since the size that a zip declares may be a lie.
                return file.read(MAX_FILE_BYTES + 1)
        except DAMAGED as error:
            raise SourceError(
                f"{member.filename} in the zip is damaged: {error}.", "Fetch the zip again, or make it anew."
            ) from error

    return read


def _by_class(listing: _Listing, path: Path, class_names: Sequence[str]) -> tuple[list[_Picture], list[PurePosixPath]]:
    """Return the pictures sorted by id, and the files that are none."""
    files = sorted(name for name in listing.files if not _is_hidden(name))
    # Names become ids, which are printed and written into files: nothing may climb or steer a terminal.
    if odd := next((n for n in files if n.is_absolute() or ".." in n.parts or not str(n).isprintable()), None):
        raise SourceError(
            f"{str(odd)!r} in {path.name} is no name for a picture.",
            "Expected a relative name without '..' and control characters: rename it.",
        )
    found = [name for name in files if name.suffix.lower() in SUFFIXES]
    ignored = [name for name in files if name.suffix.lower() not in SUFFIXES]
    if other := next((name for name in ignored if name.suffix.lower() in OTHER_PICTURES), None):
        raise SourceError(f"{other} is a {other.suffix} file, expected PNG, JPEG or WebP.", "Convert it to PNG.")
    if not found:
        also = f" It holds {ignored[0]}." if ignored else ""
        raise SourceError(
            f"{path.name} holds no PNG, JPEG or WebP.{also}",
            "Name a folder with a sub-folder of pictures for each class; "
            "for an .npz take the contest blood-cells-an2dl or blood-cells-medmnist.",
        )

    label_of = {_fold(name): label for label, name in enumerate(class_names)}
    root = _root(found, label_of)
    folder_of: dict[int, str] = {}
    pictures = []
    for name in found:
        inside = name.relative_to(root)
        if len(inside.parts) == 1:
            raise SourceError(f"The picture {name} lies in no class folder.", "Move it into one, or away.")
        folder = inside.parts[0]
        label = label_of.get(_fold(folder))
        if label is None:
            raise SourceError(
                f"The folder {folder!r} is none of the contest's {len(class_names)} classes.",
                did_you_mean(folder.lower(), class_names),
            )
        if folder_of.setdefault(label, folder) != folder:
            raise SourceError(
                f"The folders {folder_of[label]!r} and {folder!r} are both the class {class_names[label]}.",
                "Put their pictures into one of them.",
            )
        picture_id = "/".join((class_names[label], *inside.parts[1:]))
        pictures.append(_Picture(picture_id, label, listing.files[name]))

    there = {_fold(folder.name) for folder in listing.folders if folder.parent == root}
    for label, class_name in enumerate(class_names):
        if label in folder_of:
            continue
        if _fold(class_name) in there:
            raise SourceError(
                f"The class folder {class_name!r} holds no picture.", "Put PNG, JPEG or WebP files into it."
            )
        raise SourceError(
            f"There is no folder for the class {class_name!r}.",
            f"Add it; found: {', '.join(sorted(folder_of.values()))}.",
        )
    return sorted(pictures, key=lambda picture: picture.id), ignored


def _root(pictures: Iterable[PurePosixPath], classes: Mapping[str, int]) -> PurePosixPath:
    """Return the folder that encloses the class folders: a zip often has one more level than its folder had."""
    parents = [picture.parent.parts for picture in pictures]
    depth = 0
    while all(len(parts) > depth + 1 for parts in parents):
        tops = {parts[depth] for parts in parents}
        if len(tops) > 1 or _fold(next(iter(tops))) in classes:
            break
        depth += 1
    return PurePosixPath(*parents[0][:depth])


def _is_hidden(name: PurePosixPath) -> bool:
    """Tell what operating systems leave behind from what a person put there."""
    return any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in name.parts)


def _fold(name: str) -> str:
    """Return what is compared of a class name.

    Examples
    --------
    >>> _fold("Immature Granulocyte") == _fold("immature_granulocyte")
    True
    """
    return re.sub(r"[\s_-]+", "", name).casefold()


def _decode(picture: _Picture, data: bytes) -> tuple[Image.Image, str]:
    """Return the picture as 8-bit RGB, and the mode it had in its file."""
    if len(data) > MAX_FILE_BYTES:
        raise SourceError(
            f"{picture.id} has more than {MAX_FILE_BYTES // 2**20} MB, expected a picture of one cell.",
            "Take it away, or make it smaller.",
        )
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise SourceError(
                    f"{picture.id} is {image.width} × {image.height} pixels, expected a picture of one cell.",
                    "Take it away, or make it smaller.",
                )
            return _to_rgb(image), image.mode
    except UNDECODABLE as error:
        raise SourceError(
            f"{picture.id} cannot be decoded: {_reason(error, data)}.", "Replace it by a whole file, or take it away."
        ) from error


def _reason(error: Exception, data: bytes) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, Image.UnidentifiedImageError):  # its own text shows the address of a buffer
        return "it is no whole PNG, JPEG or WebP"
    return str(error).rstrip(".") or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return 8-bit RGB by the rules of the datasheet.

    Examples
    --------
    >>> _to_rgb(Image.new("RGBA", (1, 1), (200, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    >>> _to_rgb(Image.fromarray(np.full((1, 1), 0x80FF, np.uint16))).getpixel((0, 0))
    (128, 128, 128)
    """
    image.load()
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")
