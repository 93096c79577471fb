"""Contact sheets: images in rows with a caption each, for the eyes of whoever freezes a contest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CELL = 144  # pixels; an image is shown enlarged to it
GAP = 8
LINE = 15
INK, PAPER, QUIET = "#1a1a1a", "#ffffff", "#5a5a5a"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow carries this face itself: no font of the machine is needed, and the sheet looks the same everywhere.
    return ImageFont.load_default(size)


def _fit(text: str, width: float, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Cut `text` so that it is at most `width` pixels wide, with a dot-dot-dot where it was cut."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def contact_sheet(
    path: Path,
    title: str,
    images: Sequence[NDArray[np.uint8]],
    captions: Sequence[Sequence[str]],
    *,
    columns: int = 8,
    note: str = "",
) -> None:
    """Write a PNG of `images`, each (h, w, 3), uint8, with its caption lines below each."""
    lines = max((len(caption) for caption in captions), default=0)
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    step_x, step_y = CELL + GAP, CELL + lines * LINE + 2 * GAP
    top = 2 * GAP + 26 + (LINE + GAP if note else 0)
    width = max(columns * step_x + GAP, 640)
    sheet = Image.new("RGB", (width, top + rows * step_y + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, GAP), _fit(title, width - 2 * GAP, _font(20)), INK, font=_font(20))
    if note:
        draw.text((GAP, GAP + 30), _fit(note, width - 2 * GAP, _font(13)), QUIET, font=_font(13))
    for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = GAP + position % columns * step_x, top + position // columns * step_y
        sheet.paste(Image.fromarray(image).resize((CELL, CELL), Image.Resampling.NEAREST), (x, y))
        for line, text in enumerate(caption):
            ink = INK if line == 0 else QUIET
            draw.text((x, y + CELL + 2 + line * LINE), _fit(text, CELL, _font(12)), ink, font=_font(12))
    sheet.save(path)
