"""What a file is, by its first bytes: an image that is read, or something else, with the way to make an image of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

START = 1024  # bytes that tell
READ = "PNG, JPEG, WebP, BMP, GIF, TIFF or Netpbm"  # what Pillow decodes for us


@dataclass(frozen=True)
class Kind:
    """A format that is not read: its name, and what to do with a file of it.

    Attributes
    ----------
    name, way : str
    image : bool
        Whether such a file is an image, whatever it is called.
    archive : bool
        Whether it may hold files.
    """

    name: str
    way: str
    image: bool = False
    archive: bool = False


def _image(name: str, way: str) -> Kind:
    return Kind(name, way, image=True)


def _converted(name: str) -> Kind:
    return _image(
        name, "Convert to PNG: python -c \"from PIL import Image; Image.open('OLD').convert('RGB').save('NEW.png')\""
    )


def _packed(name: str) -> Kind:
    return Kind(name, "Unpack it, and put the images there.", archive=True)


def _array(name: str) -> Kind:
    return Kind(name, "Save each image of it as PNG: Image.fromarray(array).save('NEW.png')")


_HEIF = "Convert to PNG: heif-convert OLD NEW.png (Debian, Ubuntu: sudo apt install libheif-examples)"
_PAGE = Kind("a web page", "The download went wrong: fetch the file itself.")
_RENDER = _image("an SVG drawing", "Render it as PNG: rsvg-convert OLD -o NEW.png")

# First bytes, and where they stand.
MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"8BPS", _converted("a Photoshop file (PSD)")),
    (0, b"\0\0\0\x0cjP  ", _converted("a JPEG 2000 image")),
    (0, b"\xff\x4f\xff\x51", _converted("a JPEG 2000 image")),
    (0, b"\0\0\x01\0", _converted("an ICO image")),
    (0, b"icns", _converted("an ICNS image")),
    (0, b"DDS ", _converted("a DDS image")),
    (0, b"qoif", _converted("a QOI image")),
    (0, b"\x0a\x05\x01", _converted("a PCX image")),
    (4, b"ftypavif", _converted("an AVIF image")),
    *((4, b"ftyp" + brand, _image("a HEIC image", _HEIF)) for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")),
    (4, b"ftyp", Kind("a video (MP4 or MOV)", "Take single images out of it: ffmpeg -i OLD NEW-%04d.png")),
    (0, b"\x1aE\xdf\xa3", Kind("a video (WebM or Matroska)", "Take single images out: ffmpeg -i OLD NEW-%04d.png")),
    (0, b"\xff\x0a", _image("a JPEG XL image", "Convert to PNG: djxl OLD NEW.png")),
    (0, b"\0\0\0\x0cJXL ", _image("a JPEG XL image", "Convert to PNG: djxl OLD NEW.png")),
    (0, b"v/1\x01", _image("an OpenEXR image", "Convert to PNG: magick OLD NEW.png")),
    (128, b"DICM", _image("a DICOM file", "Convert to PNG: dcm2img OLD NEW.png (Debian, Ubuntu: dcmtk)")),
    (0, b"%PDF", Kind("a PDF", "Take the images out of it: pdfimages -png OLD NEW")),
    (0, b"%!PS", Kind("a PostScript file", "Render it as PNG: gs -sDEVICE=png16m -o NEW.png OLD")),
    (0, b"PK\x03\x04", _packed("a zip")),
    (0, b"\x1f\x8b", _packed("a gzip file")),
    (0, b"BZh", _packed("a bzip2 file")),
    (0, b"\xfd7zXZ", _packed("an xz file")),
    (0, b"\x28\xb5\x2f\xfd", _packed("a Zstandard file")),
    (0, b"7z\xbc\xaf\x27\x1c", _packed("a 7-Zip archive")),
    (0, b"Rar!", _packed("a RAR archive")),
    (257, b"ustar", _packed("a tar archive")),
    (0, b"\x93NUMPY", _array("a NumPy array")),
    (0, b"\x89HDF", _array("an HDF5 file")),
    (0, b"MATLAB 5.0", _array("a MATLAB file")),
    *((0, bytes([0x80, n]), _array("a pickle")) for n in (2, 3, 4, 5)),
    (0, b"PAR1", Kind("a Parquet table", "Put the image itself there.")),
    (0, b"version https://git-lfs", Kind("a Git-LFS pointer", "Fetch the file itself: git lfs pull")),
)
# The DIB header's size follows the file's: a text that begins with "BM" has none.
BMP = re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)
NETPBM = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+")
READ_HERE: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x89PNG"), "a PNG"),
    (re.compile(rb"\xff\xd8"), "a JPEG"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "a WebP"),
    (re.compile(rb"GIF8"), "a GIF"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "a TIFF"),
    (BMP, "a BMP"),
    (NETPBM, "a Netpbm image"),
)
# A camera's raw file is a TIFF whose first page is a small preview.
RAW = frozenset({
    ".dng", ".nef", ".nrw", ".cr2", ".arw", ".srw", ".pef", ".orf", ".rw2", ".3fr", ".iiq", ".erf",
})  # fmt: skip
_RAW = _image("a camera's raw file", "Convert to TIFF: darktable-cli OLD NEW.tif")


def what_is(data: bytes, name: str) -> str:
    """Return which of the formats that are read a file begins as; empty where it begins as none.

    Examples
    --------
    >>> what_is(b"\\xff\\xd8\\xff", "a.png"), what_is(b"BMI of all patients", "a.bmp"), what_is(b"II*\\0", "a.nef")
    ('a JPEG', '', '')
    """
    if _is_raw(data, name):
        return ""
    return next((what for start, what in READ_HERE if start.match(data)), "")


def kind_of(data: bytes, name: str = "") -> Kind | None:
    """Return what a file is that is not read, by its first bytes; None for what is read, and what is not known.

    Examples
    --------
    >>> kind_of(b"8BPS...").name, kind_of(b"\\n <!DOCTYPE html><html>").name, kind_of(b"\\x89PNG")
    ('a Photoshop file (PSD)', 'a web page', None)
    """
    if _is_raw(data, name):
        return _RAW
    for place, magic, kind in MAGIC:
        if data[place : place + len(magic)] == magic:
            return kind
    text = data[:START].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        return _PAGE
    if b"<svg" in text:
        return _RENDER
    if text.startswith(b"<?xml"):
        return Kind("an XML file", "Put the image itself there.")
    if text and not what_is(data, name) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data[:START]):
        return Kind("a text", "Put the image itself there.")
    return None


def _is_raw(data: bytes, name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in RAW and data[:2] in (b"II", b"MM")
