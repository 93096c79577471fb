"""A plain process with resource limits: for one's own entries only."""

from __future__ import annotations

from pathlib import Path

from harness.sandbox.isolation import Backend, Job, restrict_command
from harness.sandbox.layout import Layout


class NoIsolation(Backend):
    """See the module's own words."""

    name = "none"
    remedy = "Run `hemobench` from its own environment, and look at the reason above."
    sandboxed = False

    def command(self, layout: Layout | None, root: Path, job: Job) -> list[str]:
        return restrict_command(job)
