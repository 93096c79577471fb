"""Where a submission is to run: the machine that is asked for it, one TOML file each."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import msgspec

from harness.contest import Limits
from harness.errors import HarnessError, did_you_mean

FILES = Path(__file__).parent / "targets"


class TargetError(HarnessError):
    """No such target, or its file says something it must not."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of a machine that runs submissions.

    Attributes
    ----------
    name, title : str
    stated : str
        Where its facts come from.
    python : str
        ``3.11``; empty: the one that runs this.
    packages : dict of str to str
        Version by the name under which a package is imported; empty: those installed here.
    follows, assumed : tuple of str
        Fields and packages that nobody stated: those that follow from what was stated, and those that are guessed.
    time_s, memory_mb, zip_mb : int
        Limits; 0: none is known.
    as_contest : bool
        Whether the contest's own limits hold.
    speed : float
        Pictures a second there for each picture a second here.
    tight : float
        From this share of a limit on, a need is called tight.
    """

    name: str
    title: str
    stated: str
    python: str = ""
    packages: dict[str, str] = {}
    follows: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    time_s: int = 0
    memory_mb: int = 0
    zip_mb: int = 0
    as_contest: bool = False
    speed: float = 1.0
    tight: float = 0.7

    @property
    def is_here(self) -> bool:
        """Whether its packages are those of this machine."""
        return not self.packages

    def has(self, package: str) -> bool:
        """Tell whether a package can be imported there, as far as is known."""
        if self.is_here:
            try:
                return importlib.util.find_spec(package) is not None
            except ValueError:  # __main__ has no file
                return package in sys.modules
        return package in self.packages

    def version(self, package: str) -> str:
        """Return a package's version there, with a word where nobody stated it."""
        word = " (assumed)" if package in self.assumed else " (follows)" if package in self.follows else ""
        return self.packages.get(package, "") + word

    def limits(self, limits: Limits) -> dict[str, float | None]:
        """Return its limits by the word for what they limit; `limits` are the contest's."""
        if self.as_contest:
            return {"time": limits.time_s, "memory": limits.memory_mb, "zip": limits.zip_mb}
        return {"time": self.time_s or None, "memory": self.memory_mb or None, "zip": self.zip_mb or None}

    def table(self) -> dict[str, dict[str, list[str] | None]]:
        """Return the names in its Keras and NumPy by module, and the arguments of the classes; empty where not known.

        ``tests/doctor/target_table.py`` has written it down in an environment with those versions.
        """
        path = FILES / f"{self.name}.json"
        return msgspec.json.decode(path.read_bytes()) if path.is_file() else {}


def names() -> tuple[str, ...]:
    """Return the names of all targets."""
    return tuple(sorted(path.stem for path in FILES.glob("*.toml")))


def find_target(name: str) -> Target:
    """Return a target by its name.

    Raises
    ------
    TargetError
    """
    path = FILES / f"{name}.toml"
    if not re.fullmatch(r"[a-z0-9-]+", name) or not path.is_file():
        raise TargetError(f"No target is called {name!r}.", did_you_mean(name, names()))
    return msgspec.toml.decode(path.read_bytes(), type=Target)
