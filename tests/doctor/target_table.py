"""Writes down what the Keras and NumPy of a target have: run in an environment that holds its versions.

    pip install tensorflow-cpu==2.17.1 keras==3.4.1     # NumPy 1.26.4 comes with them
    python tests/doctor/target_table.py > harness/doctor/targets/codabench-4430.json

For each public module, the names in it; for each class that a saved model may name, the arguments of its constructor,
those of its bases where it hands them on.
"""

from __future__ import annotations

import inspect
import json
import re

import keras
import numpy as np

MODULES = (
    *("keras", "activations", "applications", "callbacks", "constraints", "datasets", "export", "initializers"),
    *("layers", "losses", "metrics", "mixed_precision", "models", "ops", "optimizers", "optimizers.schedules"),
    *("quantizers", "random", "regularizers", "saving", "utils"),
)
SAVED = ("keras", "constraints", "initializers", "layers", "models", "quantizers", "regularizers")


def arguments(made: type) -> list[str] | None:
    """Return all keywords that a constructor takes; None where it takes any.

    Those that it picks out of ``**kwargs`` stand in its source alone.
    """
    found: set[str] = set()
    for base in made.__mro__:
        start = vars(base).get("__init__")
        if not inspect.isfunction(start):
            continue
        parameters = list(inspect.signature(start).parameters.values())[1:]
        found |= {one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            return sorted(found)
        source = inspect.getsource(start)
        for pattern in (r"""kwargs\.pop\(\s*["'](\w+)""", r"""["'](\w+)["'] in kwargs"""):
            found |= set(re.findall(pattern, source))
        if base is keras.Layer.__mro__[0]:
            return sorted(found)
        if not re.search(r"\*\*kwargs\s*,?\s*\)", source.split("):", 1)[1]):
            return None
    return sorted(found)


def table() -> dict[str, dict[str, list[str] | None]]:
    """Return, by module and name, the arguments of a class; None for a function or another value."""
    found: dict[str, dict[str, list[str] | None]] = {
        name: dict.fromkeys(word for word in dir(module) if not word.startswith("_"))
        for name, module in (("numpy", np), ("numpy.linalg", np.linalg), ("numpy.random", np.random))
    }
    for module in MODULES:
        place = keras
        for part in module.split(".") if module != "keras" else ():
            place = getattr(place, part, None)
        if place is None:
            continue
        name = module if module == "keras" else f"keras.{module}"
        found[name] = {
            word: arguments(value) if inspect.isclass(value) and module in SAVED else None
            for word, value in sorted(vars(place).items())
            if not word.startswith("_")
        }
    return found


if __name__ == "__main__":
    print(json.dumps(table(), separators=(",", ":"), sort_keys=True))
