"""Goal: leave compiled code beside an installed module, which the next interpreter takes for the module's own.

The cache is believed by date and size alone.
"""

import importlib.util
import py_compile
from pathlib import Path

from kit import Chance, attempt, facts

WITHOUT_ISOLATION = "foreign bytecode among the installed packages"


class Attack(Chance):
    def __init__(self):
        source = Path("poison.py")
        source.write_text("print('poisoned')")
        with attempt("leave bytecode"):
            target = importlib.util.cache_from_source(f"{facts.site_packages}/{facts.mark}.py")
            py_compile.compile(str(source), target, doraise=True)


class Honest(Chance):
    """Compiles a module of its own."""

    def __init__(self):
        py_compile.compile("kit.py", doraise=True)
