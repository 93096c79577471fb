"""Small images for the page, of the public splits alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO

from harness.analysis.document import Report
from harness.freeze.frozen import Frozen

SIDE = 64  # pixels
QUALITY = 55  # of WebP: about 1 kB an image


def thumbnails(frozen: Frozen, report: Report) -> dict[tuple[str, int], str]:
    """Return the images that the page shows as WebP in base64, by split and row."""
    from PIL import Image

    found = {}
    for split in ("val", "val_shifted"):
        rows = sorted(set(_rows_shown(report, split)))
        if not rows:
            continue
        images = frozen.load(split).images
        for row in rows:
            image = Image.fromarray(images[row])
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            file = BytesIO()
            image.save(file, "WEBP", quality=QUALITY, method=6)
            found[split, row] = base64.b64encode(file.getvalue()).decode()
    return found


def _rows_shown(report: Report, split: str) -> Iterator[int]:
    if report.ensemble:
        yield from (missed.row for missed in report.ensemble.missed if missed.split == split)
    for row in report.rows:
        if row.detail:
            yield from (missed.row for missed in row.detail.alone_shown if missed.split == split)
