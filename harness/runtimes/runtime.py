"""The environments that entries run in: Hemobench's own, and others that were built beside it.

Layout of ``runtimes/<name>/<lock>/`` in a workspace, made by `add.py`::

    lock.txt         what is installed, each wheel by its SHA-256, as pip reads it; the SHA-256 of that names the folder
    venv/            an environment of the same Python

``runtimes/<name>/current`` is a link to the one in force; the others stay, so that entries can be replayed.
"""

from __future__ import annotations

import hashlib
import re
import sys
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.errors import UsageError, did_you_mean
from harness.workspace import Workspace

DEFAULT = "keras"
DEFINITIONS = Path(__file__).parent / "definitions"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
LOCK = "lock.txt"
PYTHON = ".".join(map(str, sys.version_info[:2]))
LOCKED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
STATED = re.compile(r"^# (Python|asked for): (.+)$", re.MULTILINE)
# Names under which packages are imported, where those are not the packages' own.
IMPORTED = {"scikit-learn": "sklearn", "pillow": "PIL", "tensorflow-cpu": "tensorflow", "opencv-python-headless": "cv2"}


@dataclass(frozen=True)
class Runtime:
    """One environment.

    Attributes
    ----------
    name : str
    lock : str
        SHA-256 of Python and packages, 64 hex digits; in Hemobench's own environment by name and version alone.
    python : str
        ``3.12``
    packages : dict of str to str
        All that is installed, version by name, in alphabetical order.
    asked : tuple of str
        Of those, what was asked for; the others came with it.
    venv : Path or None
        None for Hemobench's own environment.
    """

    name: str
    lock: str
    python: str
    packages: dict[str, str]
    asked: tuple[str, ...]
    venv: Path | None = None

    @property
    def own(self) -> bool:
        """Whether it is Hemobench's own environment."""
        return self.venv is None

    @cached_property
    def site(self) -> tuple[Path, ...]:
        """The folders of its packages."""
        if self.venv is None:
            return tuple({Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")})
        return tuple(self.venv.glob("lib/python*/site-packages"))

    @cached_property
    def modules(self) -> frozenset[str]:
        """The names that can be imported from its packages."""
        return frozenset(path.name.partition(".")[0] for folder in self.site for path in folder.iterdir())

    @property
    def main(self) -> dict[str, str]:
        """The packages that were asked for, version by name."""
        return {name: self.packages[name] for name in self.asked if name in self.packages}


def definitions() -> dict[str, Path]:
    """Return the files of requirements that are shipped, by the name of their runtime, the default one first."""
    paths = sorted(DEFINITIONS.glob("*.txt"), key=lambda path: (path.stem != DEFAULT, path.stem))
    return {path.stem: path for path in paths}


def asked_for(definition: Path) -> tuple[str, ...]:
    """Return the packages that a shipped definition names."""
    return tuple(line for line in definition.read_text(encoding="utf-8").split("\n") if line and line[0] != "#")


def own_runtime() -> Runtime:
    """Return the environment that Hemobench itself runs in."""
    folders = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    found = {
        canonical(name): version
        for folder in folders
        for path in folder.glob("*.dist-info")
        for name, _, version in [path.stem.rpartition("-")]
    }
    found.pop("hemobench", None)  # an entry does not see it
    packages = dict(sorted(found.items()))
    lock = hashlib.sha256("".join(f"{name}=={version}\n" for name, version in packages.items()).encode()).hexdigest()
    return Runtime(DEFAULT, lock, PYTHON, packages, asked_for(DEFINITIONS / f"{DEFAULT}.txt"))


def canonical(name: str) -> str:
    """Return the name of a package in the one form that pip compares.

    Examples
    --------
    >>> canonical("Typing_Extensions")
    'typing-extensions'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read_runtime(name: str, folder: Path) -> Runtime:
    """Return the runtime that was built in `folder`.

    Raises
    ------
    OSError
        There is none.
    """
    text = (folder / LOCK).read_text(encoding="utf-8")
    stated = dict(STATED.findall(text))
    # Not of what was asked for by name: the same packages are the same runtime.
    content = "\n".join([stated["Python"], *(line for line in text.splitlines() if not line.startswith("#"))])
    return Runtime(
        name,
        hashlib.sha256(content.encode()).hexdigest(),
        stated["Python"],
        dict(LOCKED.findall(text)),
        tuple(stated["asked for"].split(", ")),
        folder.resolve() / "venv",
    )


def runtimes(workspace: Path) -> list[Runtime]:
    """Return the environments that are in a workspace, Hemobench's own first."""
    return Runtimes(Workspace(workspace).runtimes).all()


@dataclass(frozen=True)
class Runtimes:
    """The runtimes of a workspace, as far as a contest allows them.

    Parameters
    ----------
    folder : Path, optional
        Where they are built; without it there is the default alone.
    allowed : tuple of str
        Names; empty where the contest allows all that there are.
    """

    folder: Path | None = None
    allowed: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        """Tell whether entries of the contest may ask for it."""
        return not self.allowed or name in self.allowed

    def names(self) -> list[str]:
        """Return the names of all that are here and allowed, the default one first."""
        built = sorted(path.parents[1].name for path in self.folder.glob(f"*/current/{LOCK}")) if self.folder else []
        return [name for name in (DEFAULT, *built) if self.allows(name)]

    def all(self) -> list[Runtime]:
        """Return all that are here and allowed, those for another Python, too."""
        return [self._read(name) for name in self.names()]

    def _read(self, name: str, lock: str = "") -> Runtime:
        if name == DEFAULT:
            return own_runtime()
        if self.folder is None or not NAME.fullmatch(name) or not re.fullmatch("[0-9a-f]*", lock):  # it would be a path
            raise FileNotFoundError
        return read_runtime(name, self.folder / name / (lock[:12] or "current"))

    def find(self, word: str) -> Runtime:
        """Return a runtime by its name, or by ``NAME@LOCK`` the one with that lock, of which 12 digits are enough.

        Raises
        ------
        UsageError
            The contest does not allow it, it is not here, or it was built for another Python.
        """
        name, _, lock = word.partition("@")
        if not self.allows(name):
            raise UsageError(
                f"This contest does not allow the runtime {name!r}.", f"It allows: {', '.join(self.allowed)}."
            )
        try:
            found = self._read(name, lock)
        except OSError:
            raise UsageError(
                f"There is no runtime {word[:80]!r} on this machine; there are: {', '.join(self.names())}.",
                f"Who runs the contest types: hemobench runtime add {name}"
                if name in definitions()
                else did_you_mean(name, [*self.names(), *definitions()]),
            ) from None
        if found.python != PYTHON:
            raise UsageError(
                f"The runtime {name!r} was built for Python {found.python}, and this is Python {PYTHON}.",
                f"Build it again: hemobench runtime add {name}",
            )
        return found

    def with_module(self, module: str) -> str:
        """Return what to type so that an entry can import a module; empty where no runtime is known to have it."""
        for one in self.all():
            if not one.own and module in one.modules:
                return (
                    f'The runtime {one.name} has it: put a file entry.toml with the line runtime = "{one.name}" into '
                    f"the zip, or type: hemobench submit ZIP --runtime {one.name}"
                )
        for name, path in definitions().items():
            if name != DEFAULT and module in {IMPORTED.get(one, one) for one in asked_for(path)}:
                if not self.allows(name):
                    return f"The runtime {name} has it, which this contest does not allow."
                return f"The runtime {name} has it, which is not on this machine: hemobench runtime add {name}"
        return ""
