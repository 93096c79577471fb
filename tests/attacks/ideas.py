"""Reads the ideas of ``entries/`` without running a line of them, and makes zips of them."""

from __future__ import annotations

import ast
import io
import json
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BEST = "bubblewrap" if shutil.which("bwrap") else "namespaces"  # the isolation that this machine takes by itself
HERE = Path(__file__).parent
FIT = "fit.py"  # does at training time what the harness does when it runs an entry
ENTRIES = HERE / "entries"

# Ideas against what the harness does with an entry, which it does not do with a ``fit.py``.
NOT_AT_TRAINING = {
    "loading/numpy_beside_the_model": "a script that has a numpy.py of its own beside it is served by that",
    "loading/modules_in_the_way": "there is no module of the harness in its process to stand in the way of",
    "memory/images_written_through": "the array is its own, read from a file that is not",
}


@dataclass(frozen=True)
class Idea:
    """One file of ``entries/``.

    Attributes
    ----------
    path : Path
    goal : str
        First line of the docstring, without "Goal:".
    without_isolation : str
        What the attack reaches with ``--isolation none``, where a test proves that it does.
    held : str
        Or: what holds it even there, since it is no matter of isolation.
    spared : str
        Or: why it is not run there.
    files : dict
        What else lies in the zip: text or bytes by name.
    honest_files : dict
        The same for the honest side, where that has others.
    ends : tuple of str
        Outcomes that the attack may have in isolation; empty: any.
    contest : {'roomy', 'tight', 'large'}
        The limits, see `besieged.LIMITS`: tight ends what would last, large holds TensorFlow.
    verb : {'score', 'show', 'submit', 'kill'}
        How it is run: ``score --json``; ``score`` as a person sees it; ``submit`` and then ``leaderboard``; or
        ``score``, with the command killed while the entry runs.  At training time it is ``pack`` of its folder.
    name, message : str
        For ``submit``.
    silent : str
        Why the attack leaves no line of its own in the log.
    root : bool
        Whether it needs root to succeed without isolation.
    grouped : bool
        Whether nothing but a control group can hold it.
    slow : bool
        Whether it takes more than a few seconds.
    known : dict of str to str
        What is known to get through, by isolation: told in the table, and a test fails when it is true no more.
    """

    path: Path
    goal: str
    without_isolation: str = ""
    held: str = ""
    spared: str = ""
    files: dict[str, Any] | None = None
    honest_files: dict[str, Any] | None = None
    ends: tuple[str, ...] = ()
    contest: str = "roomy"
    verb: str = "score"
    name: str = "stranger"
    message: str = "an entry"
    silent: str = ""
    root: bool = False
    grouped: bool = False
    slow: bool = False
    known: dict[str, str] | None = None

    @property
    def id(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"

    def zip(self, side: str, facts: dict[str, Any]) -> bytes:
        """Return the zip of one side, with the facts of the machine in it."""
        members: dict[str, Any] = {
            "model.py": f"{self.path.read_text()}\n\nModel = {side}\n",
            "kit.py": (HERE / "kit.py").read_text(),
            "facts.json": json.dumps(facts),
            FIT: (HERE / FIT).read_text(),
            **(self.files or {} if side == "Attack" or self.honest_files is None else self.honest_files),
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in members.items():
                made.writestr(name, content)
        return buffer.getvalue()


def read_idea(path: Path) -> Idea:
    """Read the docstring and the literals at the top of one file."""
    tree = ast.parse(path.read_text())
    goal = (ast.get_docstring(tree) or "").partition("\n")[0].removeprefix("Goal: ")
    fields = {name for name in Idea.__dataclass_fields__ if name not in ("path", "goal")}
    literals = {
        node.targets[0].id.lower(): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.isupper()
        and node.targets[0].id.lower() in fields
    }
    return Idea(path, goal, **literals)


def all_ideas() -> list[Idea]:
    return [read_idea(path) for path in sorted(ENTRIES.glob("*/*.py"))]
