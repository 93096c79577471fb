"""Lesson 6: a zip that is the same bytes each time."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable

from harness.lessons.checking import must

FILES = {"model.py": b"class Model:\n    pass\n" * 20, "weights.npy": bytes(range(256)) * 4, "a note.txt": b""}
DAY = 86_400  # seconds


def check(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    """Pass where the zip holds the files, and depends on nothing but their names and contents."""
    made = pack(dict(FILES))
    must(isinstance(made, bytes), f"Expected bytes, got {type(made).__name__}.", "Write into an io.BytesIO.")
    must(zipfile.is_zipfile(io.BytesIO(made)), "These bytes are no zip.", "Is it closed before you read its bytes?")
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        held = {one.filename: archive.read(one) for one in archive.infolist()}
        times = [time.mktime((*one.date_time, 0, 0, -1)) for one in archive.infolist()]
    lost = [name for name, content in FILES.items() if held.get(name) != content]
    must(not lost, f"The zip does not hold {', '.join(lost)} as it was given.", "Nothing may be left out or changed.")
    must(
        all(abs(one - time.time()) > 2 * DAY for one in times),
        "The zip states the time at which it was made: made again tomorrow, its hash is another.",
        "Give each member a fixed date: zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)).",
    )
    turned = pack(dict(reversed(FILES.items())))
    must(
        turned == made,
        "The same files in another order gave other bytes: no two file systems list a folder alike.",
        "Sort the names.",
    )
    must(pack(dict(FILES)) == made, "Called twice, it gave different bytes.", "Leave all chance out.")
    other = pack({**FILES, "weights.npy": bytes(1024)})
    must(other != made, "Other contents gave the same bytes.", "The zip must hold what it was given, each time.")
