"""What all figures share: ink, face, header, and a file that is the same bytes for the same data.

Matplotlib is imported inside the functions: it takes a second, and a command that draws nothing must not pay for it.
Nothing here goes through pyplot, so no figure outlives its function and no setting of the reader's machine applies.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.figure import Figure

DPI = 120
NBSP = "\N{NO-BREAK SPACE}"  # before a unit, which must not begin a line
MARGIN = 0.15  # inches, around the header and around the sheets
INK, QUIET, GRID, SHADE, PAPER = "#1a1a1a", "#5a5a5a", "#d4d4d4", "#ebebeb", "#ffffff"
# Of M. Okabe and K. Ito, "Color universal design" (2008): told apart by colour-blind readers, and of unlike greys.
BLUE, VERMILION, SKY = "#0072b2", "#d55e00", "#56b4e9"

TITLE, TEXT, SMALL = 13.0, 9.5, 8.5  # points
LEADING = 1.3  # height of a line of text, in its own size

_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that no font of the machine is needed
    "font.size": TEXT,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in somebody's class name is a dollar
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": TEXT + 1,
    "axes.titlelocation": "left",
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.borderaxespad": 0.74,  # with its own padding, the margin
    "hatch.linewidth": 0.8,
}


@contextmanager
def page(path: Path, width: float, height: float, title: str, note: str = "") -> Iterator[Figure]:
    """Open a figure with a header, and write it to `path` as PNG when its body is drawn.

    Parameters
    ----------
    width, height : float, inches
        Of the body; the header, as high as its wrapped lines need, comes on top of it.
    title, note : str
        Header, in bold, and the sentence in smaller type below it.

    Yields
    ------
    matplotlib.figure.Figure
        Axes made in it are laid out below the header, with room for their labels.
    """
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [(line, TITLE, INK, "bold") for line in wrapped(title, width - 2 * MARGIN, TITLE, bold=True)]
    lines += [(line, TEXT, QUIET, "normal") for line in wrapped(note, width - 2 * MARGIN, TEXT)]
    header = MARGIN + sum(line_height(size) for _, size, *_ in lines) + 0.08
    # Whole pixels, so that images placed from the bottom lie on them.
    pixels = ceil(width * DPI), ceil((height + header) * DPI)
    # The default style first: a matplotlibrc of the machine must not change the figures.
    with style.context(["default", _SETTINGS]):
        figure = Figure(figsize=(pixels[0] / DPI, pixels[1] / DPI), dpi=DPI, facecolor=PAPER)
        FigureCanvasAgg(figure)
        figure.set_layout_engine("constrained", rect=(0, 0, 1, height * DPI / pixels[1]), w_pad=MARGIN, h_pad=0.07)
        y = pixels[1] / DPI - MARGIN
        for line, size, colour, weight in lines:
            write(figure, MARGIN, y, line, size=size, color=colour, weight=weight)
            y -= line_height(size)
        yield figure
        path.write_bytes(_png(figure))


def _png(figure: Figure) -> bytes:
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    # 128 colours are a third of the bytes of all and look the same.  They are chosen to cover all that occur, not those
    # that occur most, so that a thin line keeps its own; then moved (kmeans) to the middle of what each stands for.
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image = image.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    palette = image.getpalette() or []
    paper = 3 * int(image.getpixel((0, 0)))  # type: ignore[arg-type]
    palette[paper : paper + 3] = [255, 255, 255]  # the choice may miss it by one
    image.putpalette(palette)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)  # Pillow adds neither a date nor its version
    return file.getvalue()


def write(figure: Figure, x: float, y: float, text: str, **how: Any) -> None:
    """Write `text` with its upper left corner at (`x`, `y`), inches from the lower left corner of the figure."""
    defaults: dict[str, Any] = {"ha": "left", "va": "top", "linespacing": LEADING, "in_layout": False}
    figure.text(x, y, text, transform=figure.dpi_scale_trans, **defaults | how)


def place(figure: Figure, image: NDArray[np.uint8], x: float, y: float) -> None:
    """Place `image`, shape (h, w, 3), pixel for pixel with its upper left corner at (`x`, `y`), inches."""
    figure.figimage(image, round(x * DPI), round(y * DPI) - image.shape[0], origin="upper")


def tile(image: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """Scale one image so that its longer edge is at most `side` pixels.

    Parameters
    ----------
    image : ndarray of shape (h, w, 3), uint8, or float from 0 to 255
        Values beyond that range, as some augmentations leave them, are clipped.
    side : int, pixels

    Notes
    -----
    A small image is enlarged by a whole factor and without smoothing: what the network saw stays visible.
    """
    pixels = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    height, width = pixels.shape[:2]
    factor = side // max(height, width)
    if factor >= 1:
        return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def tile_side(n_images: int) -> int:
    """Return the edge of each of `n_images`, 56 to 96 pixels, that keeps their sheet small as a file."""
    return int(np.clip((260_000 / max(1, n_images)) ** 0.5, 56, 96))


def spoken(name: str) -> str:
    """Return a class name as people read it.

    Examples
    --------
    >>> spoken("immature_granulocyte")
    'immature granulocyte'
    """
    return name.replace("_", " ").strip()


def percent(share: float) -> str:
    """Return a share, 0 to 1, in percent; what is not quite 0 or 1 never reads as such.

    Examples
    --------
    >>> [percent(share).replace("\N{NO-BREAK SPACE}", " ") for share in (0.0, 0.0002, 0.5, 0.99996, 1.0)]
    ['0.0 %', '< 0.1 %', '50.0 %', '> 99.9 %', '100.0 %']
    """
    number = f"{100 * share:.1f}"
    if 0 < share < 0.0005:
        number = "< 0.1"
    elif 0.9995 <= share < 1:
        number = "> 99.9"
    return number.replace(" ", NBSP) + NBSP + "%"


def line_height(size: float) -> float:
    """Return the height of a line of text of `size` points, in inches."""
    return size * LEADING / 72


@cache
def _ruler() -> RendererAgg:
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, DPI)


@cache
def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of one line of text of `size` points, in inches."""
    from matplotlib import rc_context, rcParamsDefault
    from matplotlib.font_manager import FontProperties

    face = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    # The machine's own settings must not break lines elsewhere than here.
    with rc_context({"text.hinting": rcParamsDefault["text.hinting"]}):
        return _ruler().get_text_width_height_descent(text, face, ismath=False)[0] / DPI


def wrapped(text: str, inches: float, size: float, *, bold: bool = False) -> list[str]:
    """Break `text` between words, and within a word too wide for a line, into lines at most `inches` wide."""
    lines: list[str] = []
    line = ""
    for word in text.replace("\n", " ").split(" "):
        longer = f"{line} {word}" if line else word
        if text_width(longer, size, bold=bold) <= inches:
            line = longer
            continue
        if line:
            lines.append(line)
        while text_width(word, size, bold=bold) > inches and len(word) > 1:
            end = len(word) - 1
            while end > 1 and text_width(word[:end], size, bold=bold) > inches:
                end -= 1
            lines.append(word[:end])
            word = word[end:]
        line = word
    return [*lines, line] if line else lines
