"""What zips of the same files share, however they were packed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.contest import Limits
from harness.errors import RefusedZip
from harness.sandbox.unpack import open_submission


def content_key(zip_path: Path, limits: Limits) -> str:
    """Return the SHA-256 of the sizes and checksums of a zip's files, in order; empty where the zip is refused.

    Names, times, order, compression, folders and empty files do not count.  The checksums are those that the zip states
    of itself, CRC-32: an entry that was run was unpacked, and a false one would have been found out there.  Two files
    of the same length and CRC-32 can be made by who means to; all that comes of it is that one's own entry is marked.
    """
    try:
        with open_submission(zip_path, limits) as submission:
            files = sorted((info.file_size, info.CRC) for info in submission.files.values() if info.file_size)
    except RefusedZip:
        return ""
    return hashlib.sha256(repr(files).encode()).hexdigest()
