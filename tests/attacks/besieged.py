"""The workspace that every attack is let loose on: contests frozen, and another entry on their boards."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import CommandLine, contest_text

ROOT = Path(__file__).parents[2]
CONTEST_LIMITS = """[limits]
memory_mb = {0}
fit_memory_mb = {0}
processes = 64
unpacked_mb = 20
log_kb = 16
"""
LIMITS = {"roomy": (60, 600), "tight": (5, 600), "large": (120, 4000)}  # seconds, MB


def besieged_workspace(folder: Path) -> Path:
    """Make a workspace in which both contests are frozen and another entry stands on the board."""
    workspace = folder / "a workspace"
    for name, limits in LIMITS.items():
        file = folder / f"{name}.toml"
        more = CONTEST_LIMITS.format(limits[1])
        file.write_text(contest_text(name, "A contest under siege", n_images=240, more=more))
        for words in (
            ("freeze", "--contest", str(file)),
            ("submit", "majority", "-m", "it was here before", "--contest", name),
            # Afterwards: on a busy machine a few seconds are not enough for an honest entry.
            (
                *("contest", "rules", f"time_s={limits[0]}", f"fit_time_s={limits[0]}"),
                *("--why", "the siege begins", "--contest", name),
            ),
        ):
            CommandLine(workspace)(*words)
    return workspace
