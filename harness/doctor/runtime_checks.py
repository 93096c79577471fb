"""Does the runtime have what a submission needs, and which one has?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from harness.doctor.findings import Finding, Severity
from harness.errors import HarnessError
from harness.limited import read
from harness.runtimes.runtime import DEFAULT, Runtime, Runtimes, own_runtime
from harness.sandbox.entry_file import FILE, EntryFile, read_entry_file

# Files of packages' own, and the module that reads them.
READ_BY = {
    **dict.fromkeys((".pt", ".pth", ".safetensors"), "torch"),
    ".onnx": "onnxruntime",
    **dict.fromkeys((".joblib", ".pkl", ".pickle"), "sklearn"),
}
NOT_READ = ("requirements.txt", "environment.yml", "environment.yaml", "pyproject.toml", "setup.py", "Pipfile")


@dataclass(frozen=True)
class Asked:
    """The runtime that a submission asks for, by `declared`, among those that are `there`."""

    runtime: Runtime
    declared: EntryFile
    there: Runtimes

    @classmethod
    def by(cls, folder: Path, there: Runtimes) -> Asked:
        """Read what an unpacked submission asks for; where that cannot be had, the run says so."""
        try:
            declared = read("The submission", read_entry_file, folder)
            return cls(there.find(declared.runtime or DEFAULT), declared, there)
        except HarnessError:
            return cls(own_runtime(), EntryFile(), there)

    @property
    def modules(self) -> frozenset[str] | None:
        """What can be imported there; None where that is what can be imported here."""
        return None if self.runtime.own else self.runtime.modules

    def told(self, findings: Iterable[Finding], files: frozenset[str]) -> Iterator[Finding]:
        """Yield findings, to those of missing packages added which runtime has them; then those of files."""
        missing = set()
        for one in findings:
            if one.code == "import":
                missing.add(one.subject)
                one = self._missing(one)
            yield one
        unread = sorted(name for name in files if PurePosixPath(name).name in NOT_READ)
        if unread:
            yield Finding(
                code="requirements",
                severity=Severity.NOTE,
                title=f"{unread[0]} is not read",
                cause=f"There is no network to install anything. {self._packages()}",
                subject=unread[0],
            )
        needed = {READ_BY[suffix]: name for name in sorted(files) if (suffix := PurePosixPath(name).suffix) in READ_BY}
        for module, name in needed.items():
            if module not in self.runtime.modules and module not in missing:
                yield Finding(
                    code="runtime",
                    severity=Severity.NOTE,
                    title=f"{name} looks like a file of {module}, which the runtime {self.runtime.name} does not have",
                    cause=self._packages(),
                    fix=self.there.with_module(module),
                    subject=name,
                )

    def remedy(self, findings: Iterable[Finding]) -> str:
        """Return the runtime that has all that is missing; empty where there is none, or where one was asked for."""
        missing = {one.subject for one in findings if one.code == "import"}
        if not missing or self.declared.runtime:
            return ""
        return next((one.name for one in self.there.all() if not one.own and missing <= one.modules), "")

    def _packages(self) -> str:
        told = ", ".join(f"{name} {version}" for name, version in self.runtime.main.items())
        return f"A submission may import what is in its runtime; {self.runtime.name} has {told}."

    def _missing(self, finding: Finding) -> Finding:
        hint = self.there.with_module(finding.subject)
        return msgspec.structs.replace(
            finding,
            cause=f"{finding.cause} {self._packages()}",
            fix=hint or finding.fix,
            fixable=bool(self.remedy([finding])),
        )


def with_runtime(folder: Path, name: str, building: Path) -> Path:
    """Write the ``entry.toml`` of an unpacked submission anew, asking for a runtime, and return the file."""
    there = folder / FILE
    building.mkdir(parents=True, exist_ok=True)
    written = building / FILE
    # TOML's own keys come before any table.
    written.write_bytes(f'runtime = "{name}"\n'.encode() + (there.read_bytes() if there.is_file() else b""))
    return written
