"""What a file is that is no whole PNG, JPEG or WebP: told by its first bytes, with the way to make an image of it."""

from __future__ import annotations

from dataclasses import dataclass

START = 1024  # bytes that tell


@dataclass(frozen=True)
class Kind:
    """A format by its name, and what to do with a file of it."""

    name: str
    way: str


def _converted(name: str) -> Kind:
    return Kind(
        name, "Convert to PNG: python -c \"from PIL import Image; Image.open('OLD').convert('RGB').save('NEW.png')\""
    )


_HEIF = "Convert to PNG: heif-convert OLD NEW.png (Debian, Ubuntu: sudo apt install libheif-examples)"
_PAGE = Kind("a web page", "The download went wrong: fetch the file itself.")
_UNPACK = "Unpack it, and put the images there."
_RENDER = Kind("an SVG drawing", "Render it as PNG: rsvg-convert OLD -o NEW.png")

# First bytes, and where they stand.
MAGIC: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"BM", _converted("a BMP image")),
    (0, b"GIF8", _converted("a GIF image")),
    (0, b"II*\0", _converted("a TIFF image")),
    (0, b"MM\0*", _converted("a TIFF image")),
    (0, b"II+\0", _converted("a BigTIFF image")),
    (0, b"MM\0+", _converted("a BigTIFF image")),
    (0, b"8BPS", _converted("a Photoshop file (PSD)")),
    (0, b"\0\0\0\x0cjP  ", _converted("a JPEG 2000 image")),
    (0, b"\xff\x4f\xff\x51", _converted("a JPEG 2000 image")),
    (0, b"\0\0\x01\0", _converted("an ICO image")),
    (0, b"icns", _converted("an ICNS image")),
    (0, b"DDS ", _converted("a DDS image")),
    (0, b"qoif", _converted("a QOI image")),
    (0, b"\x0a\x05\x01", _converted("a PCX image")),
    (4, b"ftypavif", _converted("an AVIF image")),
    *((4, b"ftyp" + brand, Kind("a HEIC image", _HEIF)) for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")),
    (4, b"ftyp", Kind("a video (MP4 or MOV)", "Take single images out of it: ffmpeg -i OLD NEW-%04d.png")),
    (0, b"\x1aE\xdf\xa3", Kind("a video (WebM or Matroska)", "Take single images out: ffmpeg -i OLD NEW-%04d.png")),
    (0, b"\xff\x0a", Kind("a JPEG XL image", "Convert to PNG: djxl OLD NEW.png")),
    (0, b"\0\0\0\x0cJXL ", Kind("a JPEG XL image", "Convert to PNG: djxl OLD NEW.png")),
    (0, b"v/1\x01", Kind("an OpenEXR image", "Convert to PNG: magick OLD NEW.png")),
    (128, b"DICM", Kind("a DICOM file", "Convert to PNG: dcm2img OLD NEW.png (Debian, Ubuntu: dcmtk)")),
    (0, b"%PDF", Kind("a PDF", "Take the images out of it: pdfimages -png OLD NEW")),
    (0, b"%!PS", Kind("a PostScript file", "Render it as PNG: gs -sDEVICE=png16m -o NEW.png OLD")),
    (0, b"PK\x03\x04", Kind("a zip", _UNPACK)),
    (0, b"\x1f\x8b", Kind("a gzip file", _UNPACK)),
    (0, b"BZh", Kind("a bzip2 file", _UNPACK)),
    (0, b"\xfd7zXZ", Kind("an xz file", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("a 7-Zip archive", _UNPACK)),
    (0, b"Rar!", Kind("a RAR archive", _UNPACK)),
    (257, b"ustar", Kind("a tar archive", _UNPACK)),
    (0, b"\x93NUMPY", Kind("a NumPy array", "Save each image of it as PNG: Image.fromarray(array).save('NEW.png')")),
    (0, b"\x89HDF", Kind("an HDF5 file", "Save each image of it as PNG: Image.fromarray(array).save('NEW.png')")),
    (0, b"version https://git-lfs", Kind("a Git-LFS pointer", "Fetch the file itself: git lfs pull")),
)
NETPBM = tuple(f"P{n}{end}".encode() for n in range(1, 8) for end in " \n\r\t")
OURS = ((b"\x89PNG", "a PNG"), (b"\xff\xd8", "a JPEG"), (b"RIFF", "a WebP"))


def kind_of(data: bytes) -> Kind | None:
    """Return what a file is by its first bytes; None for PNG, JPEG, WebP and what is not known.

    Examples
    --------
    >>> kind_of(b"GIF89a...").name, kind_of(b"\\n <!DOCTYPE html><html>").name, kind_of(b"\\x89PNG")
    ('a GIF image', 'a web page', None)
    """
    for place, magic, kind in MAGIC:
        if data[place : place + len(magic)] == magic:
            return kind
    if data.startswith(NETPBM):
        return _converted("a Netpbm image")
    text = data[:START].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text:
        return _PAGE
    if b"<svg" in text:
        return _RENDER
    if text.startswith(b"<?xml"):
        return Kind("an XML file", "Put the image itself there.")
    if text and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data[:START]):
        return Kind("a text", "Put the image itself there.")
    return None


def begun_as(data: bytes) -> str:
    """Return which of the formats that are read a file begins as; empty where it begins as none.

    Examples
    --------
    >>> begun_as(b"\\xff\\xd8\\xff"), begun_as(b"x")
    ('a JPEG', '')
    """
    return next((name for start, name in OURS if data.startswith(start)), "")
