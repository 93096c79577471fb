"""Build a runtime: an environment of the same Python, of wheels alone, locked by hash."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.errors import HarnessError, UsageError, did_you_mean
from harness.runtimes.runtime import DEFAULT, LOCK, NAME, PYTHON, Runtime, canonical, definitions, read_runtime
from harness.tree import remove, walk
from harness.workspace import Workspace, make_folder, sync_folder

TEXT = """\
# Python: {python}
# asked for: {asked}
# {system}; to build the same again: hemobench runtime add {name} --requirements {lock}
{packages}
"""


class RuntimeNotBuilt(HarnessError):
    """The packages cannot be had as wheels for this Python, or they lack what every runtime needs."""


def add_runtime(workspace: Path, name: str, requirements: Path | None = None) -> Runtime:
    """Build the runtime `name` in a workspace, and put it in force.

    Parameters
    ----------
    workspace : Path
    name : str
    requirements : Path, optional
        A file as pip reads it; by default the shipped definition of that name.  NumPy comes in any case.

    Raises
    ------
    UsageError
        The name cannot be one, or nothing says what is in it.
    RuntimeNotBuilt
    """
    if not NAME.fullmatch(name) or name == DEFAULT:
        what = "is Hemobench's own environment" if name == DEFAULT else "is no name of a runtime"
        raise UsageError(f"{name[:80]!r} {what}.", "Give it small letters, digits and dashes, for instance: torch")
    requirements = requirements or definitions().get(name)
    if requirements is None:
        raise UsageError(
            f"No runtime {name!r} is shipped, so that its packages are to be named.",
            f"{did_you_mean(name, definitions())} Or type: hemobench runtime add {name} --requirements FILE",
        )
    if not requirements.is_file():
        raise UsageError(f"There is no file {requirements}.", "Give a file of requirements, a package a line.")
    import venv  # late: the command line imports this file for every verb

    folder = Workspace(workspace).runtimes
    make_folder(folder / name)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=folder / name))
    try:
        # No pip in it: an entry has no network to install anything.
        venv.EnvBuilder(symlinks=True, with_pip=False).create(building / "venv")
        installed = _install(building, requirements)
        lock = TEXT.format(
            python=PYTHON,
            system=f"{platform.system()}, {platform.machine()}",
            name=name,
            lock=LOCK,
            asked=", ".join(sorted(one for one, (_, asked) in installed.items() if asked)),
            packages="\n".join(line for _, (line, _) in sorted(installed.items())),
        )
        (building / LOCK).write_text(lock, encoding="utf-8")
        _open_to_read(building)
        found = read_runtime(name, building)
        target = folder / name / found.lock[:12]
        if not target.exists():
            building.rename(target)
        link = folder / name / f".current-{os.getpid()}"
        link.symlink_to(target.name)
        link.replace(folder / name / "current")
        sync_folder(folder / name)
        return read_runtime(name, target)
    finally:
        if building.exists():
            remove(building)


def _install(building: Path, requirements: Path) -> dict[str, tuple[str, bool]]:
    """Install into the environment, and return a line of the lock by package, and whether it was asked for."""
    if importlib.util.find_spec("pip") is None:
        raise RuntimeNotBuilt("There is no pip in Hemobench's environment.", f"Type: {sys.executable} -m ensurepip")
    report = building / "report.json"
    python = building / "venv" / "bin" / "python"
    # Packages that came with hashes have to have them all: NumPy is then among them.
    hashed = "--hash" in requirements.read_text(encoding="utf-8", errors="replace")
    command = [sys.executable, "-P", "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
    command += ["--only-binary", ":all:", "--quiet", "--report", str(report), "--requirement", str(requirements)]
    done = subprocess.run([*command, *([] if hashed else ["numpy"])], stdout=sys.stderr, check=False)
    if done.returncode:
        raise RuntimeNotBuilt(
            f"pip could not install {requirements}, from wheels alone, for Python {PYTHON}.",
            "What it said stands above.",
        )
    found: dict[str, tuple[str, bool]] = {}
    for one in json.loads(report.read_bytes())["install"]:
        name, version = canonical(one["metadata"]["name"]), one["metadata"]["version"]
        archive = one["download_info"].get("archive_info", {})
        # "hash" is what pip before 23.1 writes, which comes with Python 3.11.
        digest = archive.get("hashes", {}).get("sha256") or archive.get("hash", "").removeprefix("sha256=")
        if not digest:
            raise RuntimeNotBuilt(
                f"{name} did not come as a wheel, so that nothing tells what it was.", "Name a package and its version."
            )
        found[name] = f"{name}=={version} --hash=sha256:{digest}", bool(one["requested"])
    report.unlink()
    if "numpy" not in found:
        raise RuntimeNotBuilt("NumPy is not among the packages; entries get arrays of it.", "Add a line: numpy")
    return found


def _open_to_read(folder: Path) -> None:
    """Let entries, who may be another user than ours, read what is in it, whatever the umask is; nobody writes."""
    for item in walk(folder):
        if not item.entry.is_symlink():
            executable = item.is_folder or item.status().st_mode & 0o100
            os.chmod(item.entry.name, 0o755 if executable else 0o644, dir_fd=item.folder)
    folder.chmod(0o755)
