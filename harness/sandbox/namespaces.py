"""A sandbox by the kernel's own means, where there is no bubblewrap: the same promises, built by `fence.py`.

``unshare`` of util-linux makes the namespaces; in them `fence.py` builds the file system, changes its root to it and
starts an init above the entry.  Root makes no user namespace, so that the entry can become a user that owns nothing;
anybody else needs one to be allowed the rest.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from harness.sandbox.layout import Layout


def wrapper(layout: Layout) -> list[str] | str:
    """Return the command line that puts what follows it into namespaces of its own, or why there is none.

    What follows must be `fence.py`, with a job that holds `root_of` the same layout.
    """
    program, with_parent = shutil.which("unshare"), shutil.which("setpriv")
    if program is None or with_parent is None:
        return "there are no programs unshare and setpriv"
    user = [] if os.geteuid() == 0 else ["--user", "--map-user=65534", "--map-group=65534", "--keep-caps"]
    return [
        *(with_parent, "--pdeathsig", "KILL", program, *user),
        *("--mount", "--net", "--ipc", "--uts", "--cgroup", "--pid", "--fork", "--kill-child", "--"),
    ]


def root_of(layout: Layout, at: Path) -> dict[str, Any]:
    """Return `layout` as a job of `fence.py`, to be built on the empty folder `at` of the host."""
    return {
        "at": str(at.resolve()),
        "memory": [[one.folder, one.size, one.mode] for one in layout.memory],
        "links": layout.links,
        "binds": [[bind.host, bind.seen, bind.writable] for bind in layout.binds],
        "devices": layout.devices,
        "folders": layout.folders,
        "hidden": layout.hidden,
        "start": layout.start,
    }
