"""``entry.toml``: what an entry says of itself, where it says anything."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

from harness.errors import RefusedZip, did_you_mean
from harness.words import printable

FILE = "entry.toml"
LARGEST = 10_000  # bytes
LONGEST = 200  # characters of a text
AUTHORS = 20


@dataclass(frozen=True)
class EntryFile:
    """What ``entry.toml`` may say; all of it may be left out.

    Attributes
    ----------
    runtime : str
        The runtime to run in; empty: the default.
    authors : tuple of str
    recipe : str
        How the model was trained: entries of one recipe differ by their seed.
    seed : int or None
        Of the training.
    outside_data : str
        Data and weights from elsewhere.
    licence : str
        Of code and weights.
    """

    runtime: str = ""
    authors: tuple[str, ...] = ()
    recipe: str = ""
    seed: int | None = None
    outside_data: str = ""
    licence: str = ""


def read_entry_file(folder: Path) -> EntryFile:
    """Return what the ``entry.toml`` of an unpacked submission says; to be called in a `Reader`.

    Raises
    ------
    RefusedZip
        It is not TOML, or says something else than `EntryFile` holds.
    """
    path = folder / FILE
    if not path.is_file():
        return EntryFile()
    keys = [field.name for field in fields(EntryFile)]
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        document = msgspec.toml.decode(path.read_bytes())
        if odd := next((key for key in document if key not in keys), None):
            hint = did_you_mean(odd, keys)
            raise RefusedZip(f"entry.toml has a key {printable(odd)[:40]!r}, which it does not know.", hint)
        found = msgspec.convert(document, EntryFile)
        texts = (found.runtime, found.recipe, found.outside_data, found.licence, *found.authors)
        if len(found.authors) > AUTHORS or any(len(text) > LONGEST or not text.isprintable() for text in texts):
            raise ValueError(f"expected texts of one line, up to {LONGEST} characters, and up to {AUTHORS} authors")
        if found.seed is not None and not 0 <= found.seed < 1 << 53:
            raise ValueError("seed: expected a whole number from 0 on")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RefusedZip(
            f"entry.toml cannot be read: {printable(str(error))[:200]}.",
            'For instance: runtime = "torch". All it may say: ' + ", ".join(keys) + ".",
        ) from error
    return found
