"""What lies in a source, in the source's own words: images with label, split and group, and what is left out."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.errors import SourceError, did_you_mean

NEAR = 0.8  # of difflib's ratio: 'unsure' is not meant to be 'square'
SPLIT = re.compile(
    r"(?:seg|images?)?(train|val|test)(?:ing|id|idation)?(?:sets?|data|images?|split|labels)?|(dev)(?:set)?"
)


@dataclass(frozen=True)
class Found:
    """An image, and what the source says of it in the source's own words.

    Attributes
    ----------
    path : str
        Below the source, in composed Unicode.
    name : str
        By which it is opened; empty where it is not, and `fault` says why.
    label : str
    split : str
        train, val, test or empty.
    group : str
    within, inside : str
        The split whose folder encloses its class folder, or empty, and its path below that folder.
    """

    path: str
    name: str
    label: str
    fault: str = ""
    split: str = ""
    group: str = ""
    within: str = ""
    inside: str = ""


@dataclass
class Layout:
    """What lies in a source.

    Attributes
    ----------
    how : str
        Where labels come from, for people.
    table : str
        Path of the table that has them; empty for class folders.
    group : str
        The column of the table that has their groups; empty where none has.
    tables : str
        A sentence on the tables that cannot be taken, for who expected that they would be; empty where there are none.
    found : list of Found
        As the source lists them.
    ignored : dict of str to list of str
        Files that are left out, by reason.
    folders : set of str
        The names of all folders, folded.
    """

    how: str = "class folders"
    table: str = ""
    group: str = ""
    tables: str = ""
    found: list[Found] = field(default_factory=list)
    ignored: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    folders: set[str] = field(default_factory=set)


def fold(name: str) -> str:
    """Return what is compared of a name: neither case, spaces, dashes and underscores, nor how Unicode is spelt.

    Examples
    --------
    >>> fold("Immature Granulocyte") == fold("immature_granulocyte")
    True
    >>> fold("Pla\\u0308ttchen") == fold("Pl\\u00e4ttchen")
    True
    """
    return unicodedata.normalize("NFC", re.sub(r"[\s_-]+", "", unicodedata.normalize("NFC", name)).casefold())


def split_of(name: str) -> str:
    """Return which split a folder, a value or a table is named after: 'train', 'val' or 'test'; else an empty text.

    Examples
    --------
    >>> [split_of(name) for name in ("Training", "validation_set", "TEST", "dev", "tester")]
    ['train', 'val', 'test', 'val', '']
    """
    match = SPLIT.fullmatch(fold(name))
    return "" if not match else match[1] or "val"


class Ignore:
    """What the contest file leaves out; each of its words must be of use."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = [unicodedata.normalize("NFC", word).rstrip("/") for word in words]
        self.folded = {fold(word): word for word in self.words}
        self.used: set[str] = set()
        self.seen: set[str] = set()

    def names(self, path: str) -> bool:
        if not self.words:
            return False
        parts = path.split("/")
        self.seen.update(parts)
        used = {self.folded[fold(part)] for part in parts if fold(part) in self.folded}
        used |= {w for w in self.words if fnmatch.fnmatchcase(path, w) or fnmatch.fnmatchcase(path, f"{w}/*")}
        self.used |= used
        return bool(used)

    def check(self) -> None:
        if unused := [word for word in self.words if word not in self.used]:
            raise SourceError(
                f"[source] ignore names {unused[0]!r}, which is nowhere in the source.",
                f"Take it out of ignore. {did_you_mean(unused[0], self.seen) if len(self.seen) < 100 else ''}".rstrip(),
            )


def ignored_of(layout: Layout) -> Mapping[str, tuple[str, ...]]:
    """Return what is left out, by reason, all in order."""
    return {reason: tuple(sorted(set(names))) for reason, names in sorted(layout.ignored.items())}
