"""Wheels made in a test, so that a runtime can be built without a network: NumPy as it is here, and a tiny package."""

from __future__ import annotations

import zipfile
from importlib.metadata import distribution
from pathlib import Path

from harness.runtimes.add import add_runtime

TINY = "tiny-framework"  # imported as tiny_framework
LEFT_OUT = {"tests", "f2py", "include", "__pycache__"}


def write_wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """Write a wheel for any Python."""
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{one},,\n" for one in [*files, f"{info}/RECORD"]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for one, content in files.items():
            archive.writestr(one, content)
    return path


def write_wheels(folder: Path) -> Path:
    """Write NumPy and `TINY` as wheels into `folder`, and return a file of requirements that asks for them alone."""
    numpy = distribution("numpy")
    assert numpy.files
    files = {
        str(file): Path(str(numpy.locate_file(file))).read_bytes()
        for file in numpy.files
        if file.parts[0] in ("numpy", "numpy.libs") and not LEFT_OUT & {*file.parts}
    }
    write_wheel(folder, "numpy", numpy.version, files)
    write_wheel(folder, TINY, "1.2", {"tiny_framework/__init__.py": b"ANSWER = 3\n"})
    requirements = folder / "requirements.txt"
    requirements.write_text(f"--no-index\n--find-links {folder.as_uri()}\n{TINY}\n")
    return requirements


def build_tiny(folder: Path) -> None:
    """Build the runtime ``tiny`` in the workspace `folder`."""
    wheels = folder / "wheels"
    wheels.mkdir()
    add_runtime(folder, "tiny", write_wheels(wheels))
