"""The isolation backends, the best first."""

from __future__ import annotations

from harness.errors import UsageError, did_you_mean
from harness.sandbox.bubblewrap import Bubblewrap
from harness.sandbox.isolation import Backend
from harness.sandbox.namespaces import Namespaces
from harness.sandbox.no_isolation import NoIsolation

BACKENDS: tuple[Backend, ...] = (Bubblewrap(), Namespaces(), NoIsolation())
# Without isolation an entry runs only for who asks for that by name.
AUTOMATIC = tuple(backend for backend in BACKENDS if backend.sandboxed)
AUTO = "auto"
AUTO_REMEDY = (
    "Install bubblewrap (Debian, Ubuntu: sudo apt install bubblewrap). For a zip that you trust as you trust your own "
    "programs: --isolation none"
)

NAMES = (AUTO, *(backend.name for backend in BACKENDS))

Choice = str  # `AUTO`, or the name of a backend


def chosen(choice: Choice) -> tuple[tuple[Backend, ...], str]:
    """Return the backends to be tried in turn, and what to do where none of them can be had.

    Raises
    ------
    UsageError
        There is no such backend.
    """
    if choice == AUTO:
        return AUTOMATIC, AUTO_REMEDY
    for backend in BACKENDS:
        if backend.name == choice:
            return (backend,), backend.remedy
    raise UsageError(f"There is no isolation {choice!r}.", did_you_mean(choice, NAMES))
