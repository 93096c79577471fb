"""The one rule by which an image of another size becomes one of the contest's."""

from __future__ import annotations

from PIL import Image

RULE = "largest centred part of the contest's proportions (a square for a square), then bicubic (Pillow, antialiased)"


def fit(image: Image.Image, height: int, width: int) -> Image.Image:
    """Return `image` cropped and resized by `RULE`; one of the right size comes back untouched.

    Cropping before resizing keeps a cell round, and keeps pixels outside the crop from bleeding into its rim.

    Examples
    --------
    >>> fit(Image.new("RGB", (363, 360)), 96, 96).size
    (96, 96)
    """
    w, h = image.size
    if (w, h) == (width, height):
        return image
    crop_w, crop_h = min(w, max(1, h * width // height)), min(h, max(1, w * height // width))
    left, top = (w - crop_w) // 2, (h - crop_h) // 2
    return image.crop((left, top, left + crop_w, top + crop_h)).resize((width, height), Image.Resampling.BICUBIC)
