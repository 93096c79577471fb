"""From the bytes of an image's file to 8-bit RGB, by the rules of the datasheet in `harness.sources.folder`."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

# Imported by name, so that they are registered before threads open images: Pillow's own search for plugins is
# not made for threads and may then miss the one it needs.
from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

from harness.errors import SourceError
from harness.sources.npz import DAMAGED
from harness.sources.other_formats import begun_as, kind_of
from harness.sources.resize import fit
from harness.sources.shared import view

FORMATS = ("PNG", "JPEG", "WEBP")
# An image of one cell has less than a megapixel.  These bound what a mistaken or hostile file costs each thread.
MAX_PIXELS = 25_000_000
MAX_FILE_BYTES = 64 * 2**20

AWAY = "Take it away, or make it smaller."
WHOLE = "Replace it by a whole file, or take it away."
RESIZE = (
    "Put resize = true under [source] of a copy of the contest file (centre square, then bicubic), "
    "or resize the images yourself."
)

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
class ImageFile:
    """An image that is to be decoded: its id, its class, and the name by which it is opened; none: it is never."""

    id: str
    label: int
    name: str
    fault: str = ""


@dataclass(frozen=True)
class Decoded:
    """What became of one image: its mode in the file and whether it was resized, or why there are no pixels."""

    mode: str = "RGB"
    resized: bool = False
    fault: str = ""  # begins with a space: the id stands before it
    hint: str = ""


def decode(
    path: Path,
    files: tuple[ImageFile, ...],
    fd: int,
    first: int,
    n: int,
    image_shape: tuple[int, int, int],
    resize: bool,
    threads: int,
) -> Iterator[Decoded]:
    """Decode images into shared memory, from row `first` of `n` on; to be called in another process."""
    images = view(fd, (n, *image_shape))
    height, width, _ = image_shape

    def into(place: int) -> Decoded:
        file = files[place]
        if not file.name:
            return Decoded(
                fault=file.fault and f" cannot be read: {file.fault}",
                hint="Take it away, or copy the file itself there.",
            )
        try:
            image, mode = _decode(read(file.name))
        except _Faulty as fault:
            return Decoded(fault=fault.words, hint=_filled_in(fault.hint, PurePosixPath(file.name)))
        if image.size != (width, height) and not resize:
            return Decoded(
                fault=f" is {image.width} wide and {image.height} high, the contest's images are {width} and {height}",
                hint=RESIZE,
            )
        images[first + place] = np.asarray(fit(image, height, width))
        return Decoded(mode, image.size != (width, height))

    # Pillow decodes without the interpreter's lock, so threads use every core and share the one array.
    with contextlib.ExitStack() as stack:
        archive = None if path.is_dir() else stack.enter_context(open_zip(path))
        read = functools.partial(_read_member, archive) if archive else functools.partial(_read_file, path)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        yield from pool.map(into, range(len(files)))


def open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise SourceError(
            f"{path.name} is neither a folder nor a whole zip: {error}.",
            "A download that was cut looks like this: fetch it again, or name the unpacked folder.",
        ) from error


def _read_file(root: Path, name: str) -> bytes:
    try:
        with (root / name).open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _Faulty(f" cannot be read: {error.strerror}", "Change its rights, or take it away.") from error


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).flag_bits & 0x1:
        raise _Faulty(" in the zip is encrypted", "Unpack it with its password, and name the folder.")
    try:
        with archive.open(name) as file:
            # Bounded, since the size that a zip declares may be a lie.
            return file.read(MAX_FILE_BYTES + 1)
    except DAMAGED as error:
        raise _Faulty(f" in the zip is damaged: {error}", "Fetch the zip again, or make it anew.") from error


def _filled_in(hint: str, name: PurePosixPath) -> str:
    """Put the names of files into a command, where no shell minds them.

    Examples
    --------
    >>> _filled_in("magick OLD NEW.png", PurePosixPath("disc/p1.jpg"))
    'magick disc/p1.jpg disc/p1.png'
    """
    if not re.fullmatch(r"[\w./-]+", str(name)):
        return hint
    return hint.replace("OLD", str(name)).replace("NEW", str(name.with_suffix("")))


class _Faulty(Exception):
    """An image that cannot be used: the words that follow its name, and what to do."""

    def __init__(self, words: str, hint: str) -> None:
        super().__init__(words)
        self.words, self.hint = words, hint


def _decode(data: bytes) -> tuple[Image.Image, str]:
    """Return an image as 8-bit RGB, and the mode it had in its file."""
    if len(data) > MAX_FILE_BYTES:
        raise _Faulty(f" has more than {MAX_FILE_BYTES // 2**20} MB, expected an image of one cell", AWAY)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _Faulty(f" is {image.width} × {image.height} pixels, expected an image of one cell", AWAY)
            return _to_rgb(image), image.mode
    except UNDECODABLE as error:
        kind = kind_of(data)
        reason = f"it is {kind.name}, expected PNG, JPEG or WebP" if kind else _reason(error, data)
        raise _Faulty(f" cannot be decoded: {reason}", kind.way if kind else WHOLE) from error


def _reason(error: Exception, data: bytes) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, Image.UnidentifiedImageError):  # its own text shows the address of a buffer
        begun = begun_as(data)
        return f"it begins as {begun} and is not whole" if begun else "it is no whole PNG, JPEG or WebP"
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
