"""Goal: replace the harness's own script, which runs before the next entry.

The script lies where the entry can see it.
"""

import sys
from pathlib import Path

from kit import Chance, attempt

SPARED = "it would damage the project's own files"


class Attack(Chance):
    def __init__(self):
        for name in ("child.py", "restrict.py"):
            path = Path(sys.modules["__main__"].__file__).with_name(name)
            with attempt(f"open {name} for writing"), path.open("r+"):
                pass
            with attempt(f"rename {name}"):
                path.rename(path.with_suffix(".old"))


class Honest(Chance):
    """Rewrites a file of its own copy of the submission."""

    def __init__(self):
        Path("model.py").write_text("# no longer needed")
