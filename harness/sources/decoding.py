"""From the bytes of an image's file to 8-bit RGB, by the rules of the datasheet in `harness.sources.folder`."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import warnings
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Imported by name, so that they are registered before threads open images: Pillow's own search for plugins is
# not made for threads and may then miss the one it needs.
from PIL import (  # noqa: F401
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile as PillowFile

from harness.contest import FolderSource
from harness.sources.axes import FULL
from harness.sources.containers import MAX_FILE_BYTES, Unread, opened
from harness.sources.other_formats import READ, kind_of, what_is
from harness.sources.resize import fit
from harness.sources.shared import view

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
REDUCED = 10  # times the limit of pixels: so large a JPEG is halved, or quartered, while it is decoded
ORIENTATION = 0x0112  # of EXIF and TIFF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

AWAY = "Take it away, or make it smaller."
WHOLE = "Replace it by a whole file, or take it away."
RESIZE = (
    "Put resize = true under [source] of a copy of the contest file (centre square, then bicubic), "
    "or resize the images yourself."
)

# What Pillow's decoders raise on bytes that are not what they should be.
UNDECODABLE = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
    RuntimeError,
    EOFError,
)


@dataclass(frozen=True)
class ImageFile:
    """An image that is to be decoded.

    Attributes
    ----------
    id : str
    label : int
    name : str
        By which it is opened; empty: it is never.
    fault : str
        Why it is not.
    row : int
        Its place among all images.
    split, group : str
        What the source says of it; empty where it says nothing.
    """

    id: str
    label: int
    name: str
    fault: str = ""
    row: int = 0
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Decoded:
    """What became of one image, or why there are no pixels.

    Attributes
    ----------
    mode : str
        In the file; "RGB;16" has 16 bits.
    resized, turned, reduced, frames : bool
        Whether it was resized, turned upright by its EXIF data, made smaller while it was decoded, and is the first of
        several.
    highest : int
        Largest value of an image of 16 bits, 0 for others.
    fault, hint : str
        `fault` begins with a space, since the id stands before it.
    """

    mode: str = "RGB"
    resized: bool = False
    turned: bool = False
    reduced: bool = False
    frames: bool = False
    highest: int = 0
    fault: str = ""
    hint: str = ""


def decode(
    path: Path,
    files: tuple[ImageFile, ...],
    fd: int,
    n: int,
    image_shape: tuple[int, int, int],
    source: FolderSource,
    threads: int,
) -> Iterator[Decoded]:
    """Decode images into shared memory, each into its row of `n`; to be called in another process."""
    images = view(fd, (n, *image_shape))
    height, width, _ = image_shape

    def into(file: ImageFile, data: bytes | Unread | None) -> Decoded:
        if not file.name:
            return Decoded(
                fault=file.fault and f" cannot be read: {file.fault}",
                hint="Take it away, or copy the file itself there.",
            )
        try:
            if isinstance(data, Unread):
                raise data
            image, done = _decode(container.read(file.name) if data is None else data, file.name, height, width, source)
        except Unread as unread:
            return Decoded(fault=unread.words, hint=_filled_in(unread.hint, PurePosixPath(file.name)))
        images[file.row] = np.asarray(fit(image, height, width))
        return done

    # Pillow decodes without the interpreter's lock, so threads use every core and share the one array.
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(opened(path))
        stack.enter_context(bound_by_us())
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        waiting: deque[Future[Decoded]] = deque()
        for file in files:
            data: bytes | Unread | None = None
            if container.in_order and file.name:
                try:
                    data = container.read(file.name)
                except Unread as unread:
                    data = unread
            waiting.append(pool.submit(into, file, data))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextlib.contextmanager
def bound_by_us() -> Iterator[None]:
    """Lift Pillow's own limit of pixels, in whose place `_decode` looks before it decodes."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EXIF data and TIFF tags that are damaged and of no use here
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


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


def _decode(data: bytes, name: str, height: int, width: int, source: FolderSource) -> tuple[Image.Image, Decoded]:
    """Return an image as 8-bit RGB, upright, and what was done to it."""
    image = open_image(data, name)
    try:
        with image:
            mode, several = mode_of(image), bool(getattr(image, "is_animated", False))
            reduced, highest = _bound(image, height, width, source), 0
            if image.format == "PNG":  # which may say at its end how it is to be turned
                image.load()
            turn, size = orientation(image), upright_size(image)
            if size != (width, height) and not source.resize:
                raise _other_size(size, height, width)
            if mode.endswith(";16"):
                values = values_of(image, data)
                highest = int(values[..., :3].max(initial=0))
                rgb = _to_rgb(_scaled(values, source.levels or FULL))
            else:
                rgb = _to_rgb(image)
            if turn and image.format != "TIFF":  # Pillow turns a TIFF by itself
                rgb = rgb.transpose(TURNS[turn])
            return rgb, Decoded(mode, size != (width, height), bool(turn), reduced, several, highest)
    except UNDECODABLE as error:
        raise Unread(f" cannot be decoded: {_reason(error, data, name)}", WHOLE) from error


def open_image(data: bytes, name: str) -> PillowFile:
    """Open an image, of which nothing is decoded yet.

    Raises
    ------
    Unread
        It is none that is read here, or its header is damaged.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Unread(f" has more than {MAX_FILE_BYTES // 2**20} MB, expected an image of one cell", AWAY)
    if not what_is(data, name) and (kind := kind_of(data, name)):
        raise Unread(f" cannot be decoded: it is {kind.name}, expected {READ}", kind.way)
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UNDECODABLE as error:
        raise Unread(f" cannot be decoded: {_reason(error, data, name)}", WHOLE) from error


def _reason(error: Exception, data: bytes, name: str) -> str:
    if not data:
        return "it is empty"
    if isinstance(error, Image.UnidentifiedImageError):  # its own text shows the address of a buffer
        begun = what_is(data, name)
        return f"it begins as {begun} and is not whole" if begun else f"it is no {READ}"
    return str(error).rstrip(".") or type(error).__name__


def _other_size(size: tuple[int, int], height: int, width: int) -> Unread:
    return Unread(f" is {size[0]} wide and {size[1]} high, the contest's images are {width} and {height}", RESIZE)


def orientation(image: Image.Image) -> int:
    """Return how an image says that it is to be turned, 2 to 8; 0 where it is upright, or what it says is nonsense."""
    if image.format == "PNG" and "exif" not in image.info:  # Pillow would decode it, however large it is
        return 0
    try:
        found = image.getexif().get(ORIENTATION, 0)
    except UNDECODABLE:
        return 0
    return found if isinstance(found, int) and found in TURNS else 0


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image as it is once it has been turned upright."""
    return (image.height, image.width) if orientation(image) > 4 and image.format != "TIFF" else image.size


def is_reducible(image: Image.Image) -> bool:
    """Return whether an image can be made smaller while it is decoded."""
    return image.format in ("JPEG", "MPO")


def _bound(image: Image.Image, height: int, width: int, source: FolderSource) -> bool:
    """Refuse an image of too many pixels; of a JPEG have fewer decoded, and return whether that is so."""
    most, reduced = source.megapixels * 1_000_000, False
    pixels = image.width * image.height
    if source.resize and most < pixels <= REDUCED * most and is_reducible(image):
        side = 2 * max(height, width)  # it stays as large as what is cut out of it
        scale = next((n for n in (2, 4, 8) if pixels <= n * n * most and min(image.size) >= n * side), 0)
        if scale:
            image.draft(None, (image.width // scale, image.height // scale))
            reduced = True
    if image.width * image.height > most:
        if not source.resize:
            raise _other_size(image.size, height, width)
        mega = -(-pixels // 1_000_000)
        hint = f"Set megapixels = {mega} under [source] of a copy of the contest file, or make it smaller."
        raise Unread(
            f" is {image.width} × {image.height} pixels, expected at most {source.megapixels} million",
            hint if mega <= 250 else AWAY,
        )
    return reduced


def mode_of(image: PillowFile) -> str:
    """Return the mode of an image that is not decoded yet, with ";16" where its file has 16 bits for each value."""
    raw = [tile.args if isinstance(tile.args, str) else tile.args[0] for tile in image.tile if tile.args]
    deep = (
        image.mode.startswith("I")
        or any(isinstance(one, str) and ";16" in one for one in raw)
        or _largest_stated(image) > 255
    )
    return f"{'L' if image.mode.startswith('I') else image.mode};16" if deep else image.mode


def _largest_stated(image: PillowFile) -> int:
    """Return the largest value that a Netpbm image of more than 8 bits states; 0 for any other image."""
    args = image.tile[0].args if image.format == "PPM" and image.tile else None
    return int(args[1]) if isinstance(args, tuple) else 0


def values_of(image: PillowFile, data: bytes) -> NDArray[np.uint16]:
    """Return 16-bit values of shape (h, w, c), uint16, where Pillow alone would give their upper bytes."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min(initial=0) < 0 or values.max(initial=0) >= FULL:
            raise Unread(" has values beyond 0 to 65535, expected at most 16 bits", "Save it with 8 or 16 bits.")
        return values.astype(np.uint16)[..., np.newaxis]
    if image.format == "PPM":  # Pillow would leave 8 bits of them
        if image.tile[0].codec_name != "ppm":
            raise Unread(" is written in digits, of more than 8 bits", "Save it as a PNG of grey or RGB.")
        values = np.frombuffer(data, ">u2", image.width * image.height * 3, image.tile[0].offset)
        return (
            values.reshape(image.height, image.width, 3).astype(np.uint32) * (FULL - 1) // _largest_stated(image)
        ).astype(np.uint16)
    upper = np.asarray(image).astype(np.uint16)
    with Image.open(io.BytesIO(data), formats=FORMATS) as again:
        again.tile = [tile._replace(args=_lower(tile.args)) for tile in again.tile]
        try:
            return (upper << 8) | np.asarray(again)
        except ValueError as error:
            raise Unread(
                f" has 16 bits in a form that is not read: {error}", "Save it as a PNG of grey or RGB."
            ) from error


def _lower(args: tuple[Any, ...] | str | None) -> tuple[Any, ...] | str | None:
    """Return the arguments of a decoder that takes the lower byte of each value, where it would take the upper one."""
    if isinstance(args, tuple):
        return (_lower(args[0]), *args[1:])
    swapped = {"B": "L", "L": "B", "N": "B"}  # N: as this machine has it, whose lower byte comes first
    return re.sub(";16([BLN])", lambda found: f";16{swapped[found[1]]}", str(args))


def _scaled(values: NDArray[np.uint16], levels: int) -> Image.Image:
    """Return an 8-bit image: floor(256 × value / levels); of transparency, always floor(value / 256)."""
    colours = values[..., :3].astype(np.uint32)
    if colours.max(initial=0) >= levels:
        raise Unread(
            f" has a value of {colours.max():,}, and the contest's levels = {levels} are 0 to {levels - 1}",
            f"Set levels to {FULL} under [source] of the contest file, or take the image away.",
        )
    eight = np.concatenate([colours * 256 // levels, values[..., 3:] >> 8], axis=2).astype(np.uint8)
    return Image.fromarray(eight[..., 0] if eight.shape[2] == 1 else eight)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return 8-bit RGB by the rules of the datasheet.

    Examples
    --------
    >>> _to_rgb(Image.new("RGBA", (1, 1), (200, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    """
    image.load()
    if image.mode == "F":
        raise Unread(" holds numbers with decimals, expected whole numbers", "Save it with 8 or 16 bits.")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")
