"""A sandbox by bubblewrap.

Root starts it without a user namespace, and `restrict.py` hands it to a user that owns nothing: a root-owned
``/proc/sys/kernel/core_pattern`` is then not the entry's to write, and the process limit counts, which the kernel
waives for root.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from harness.errors import IsolationError
from harness.sandbox.isolation import Backend, Job, restrict_command
from harness.sandbox.layout import RESTRICT, Bind, Layout

RESTRICT_INSIDE = "/sandbox/restrict.py"


class Bubblewrap(Backend):
    """The program ``bwrap``."""

    name = "bubblewrap"
    remedy = "Install it (Debian, Ubuntu: sudo apt install bubblewrap), or let the harness choose: auto."

    def command(self, layout: Layout | None, root: Path, job: Job) -> list[str]:
        assert layout is not None
        program = shutil.which("bwrap")
        if program is None:
            raise IsolationError("there is no program bwrap", self.remedy)
        return [*wrapper(program, layout), *restrict_command(job, RESTRICT_INSIDE, layout.python)]


def wrapper(program: str, layout: Layout) -> list[str]:
    """Return the command line that puts what follows it into `layout`: `restrict.py`, found at `RESTRICT_INSIDE`."""
    argv = [program, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    argv += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        argv += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        argv += ["--unshare-user", "--disable-userns"]
    argv += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev"]
    for one in layout.memory:
        argv += [*_folders_above([one.folder]), "--perms", f"{one.mode:04o}", "--size", str(one.size)]
        argv += ["--tmpfs", one.folder]
    for target, place in layout.links:
        argv += ["--symlink", target, place]
    binds = (*layout.binds, Bind(str(RESTRICT), RESTRICT_INSIDE))
    argv += _folders_above([*(bind.seen for bind in binds), *(f"{folder}/any" for folder in layout.folders)])
    for bind in binds:
        argv += ["--bind" if bind.writable else "--ro-bind", bind.host, bind.seen]
    for device in layout.devices:
        argv += ["--dev-bind", device, device]
    for folder in layout.hidden:
        argv += ["--tmpfs", folder, "--remount-ro", folder]
    return [*argv, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", layout.start, "--"]


def _folders_above(paths: Iterable[str]) -> list[str]:
    """Return the options that make every folder above `paths`, outer ones first.

    Left to itself bubblewrap makes missing parents unreadable to other users, and the entry is another user than root.

    Examples
    --------
    >>> _folders_above(["/a/b/c"])
    ['--perms', '0755', '--dir', '/a', '--perms', '0755', '--dir', '/a/b']
    """
    folders = sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})
    return [option for folder in folders for option in ("--perms", "0755", "--dir", folder)]
