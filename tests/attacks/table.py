"""Runs every attack with and without isolation and prints what came of it: ``python -m tests.attacks.table > FILE``."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from harness.sandbox.backends import AUTOMATIC
from tests.attacks.arena import Trial, run
from tests.attacks.besieged import besieged_workspace
from tests.attacks.ideas import NOT_AT_TRAINING, Idea, all_ideas
from tests.sandbox.conftest import why_not

SANDBOXES = tuple(backend.name for backend in AUTOMATIC)


def main() -> int:
    """Print the table; 1 when an attack got through, or failed to where it should."""
    ideas = all_ideas()
    standing = [isolation for isolation in SANDBOXES if not why_not(isolation)]
    blocked, untrained = dict.fromkeys(standing, 0), dict.fromkeys(standing, 0)
    through = asked = 0
    rows, group, wrong = [], "", []
    with tempfile.TemporaryDirectory(prefix="hemobench-siege-") as folder:
        besieged = besieged_workspace(Path(folder))
        for number, idea in enumerate(ideas, 1):
            print(f"{number}/{len(ideas)} {idea.id}", file=sys.stderr)
            cells = []
            for isolation in standing:
                trial = run(idea, "Attack", isolation, besieged)
                blocked[isolation] += not trial.breaches
                known = (idea.known or {}).get(isolation, "")
                if idea.grouped and not trial.control_group and trial.breaches:
                    known = "only a control group counts that memory, and this user can make none"
                if bool(trial.breaches) != bool(known):
                    wrong.append(f"{idea.id}, {isolation}: {'; '.join(trial.breaches) or 'held by now'}")
                cells.append(_end(trial, known))
                if idea.id not in NOT_AT_TRAINING:
                    trial = run(idea, "Attack", isolation, besieged, training=True)
                    untrained[isolation] += not trial.breaches
                    if trial.breaches and not idea.grouped:
                        wrong.append(f"{idea.id}, {isolation}, at training time: {'; '.join(trial.breaches)}")
            cells.append(_without(idea))
            if not idea.spared and (os.geteuid() == 0 or not idea.root):
                trial = run(idea, "Attack", "none", besieged)
                asked += bool(idea.without_isolation)
                through += bool(trial.breaches and idea.without_isolation)
                if bool(trial.breaches) != bool(idea.without_isolation):
                    wrong.append(f"{idea.id}, none: {trial.breaches or 'nothing was reached'}")
            if idea.path.parent.name != group:
                group = idea.path.parent.name
                rows.append(f"| **{group}** |" + " |" * len(cells))
            rows.append("| " + " | ".join(map(_cell, (idea.goal, *cells))) + " |")
    print(f"| goal | {' | '.join(standing)} | without isolation |")
    print("|---|" + "---|" * (len(standing) + 1))
    print("\n".join(rows))
    print()
    who = "as an ordinary user" if os.geteuid() else "as root"
    for isolation, held in blocked.items():
        n_training = len(ideas) - len(NOT_AT_TRAINING)
        print(f"- {isolation}, {who}: {len(ideas)} tried, {held} blocked.")
        print(f"- {isolation}, {who}, at training time: {n_training} tried, {untrained[isolation]} blocked.")
    print(f"- without isolation: {asked} tried that isolation alone holds, {through} got through.")
    for line in wrong:
        print(f"- **not as it should be**: {line}")
    return bool(wrong)


def _end(trial: Trial, known: str) -> str:
    """Return how a run ended in isolation, and what the entry itself saw stand in its way."""
    if trial.breaches:
        return f"**got through**: {known}" if known else "**GOT THROUGH**"
    stopped = next((line for line in trial.said if line.startswith("STOPPED: ")), "")
    if found := re.search(r"\[Errno \d+\] ([^:]+)", stopped):
        reason = found[1]  # without the path that follows
    else:
        reason = "" if "/" in stopped else stopped.rsplit(": ", 1)[-1]
    return f"blocked ({reason}), {trial.outcome}" if reason else f"blocked, {trial.outcome}"


def _without(idea: Idea) -> str:
    if idea.without_isolation:
        return f"reaches {idea.without_isolation}"
    if idea.held:
        return f"held by {idea.held}"
    return f"not run: {idea.spared}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
