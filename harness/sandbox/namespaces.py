"""A sandbox by the kernel's own means, where there is no bubblewrap: the same promises, built by `restrict.py`.

``unshare`` of util-linux makes the namespaces; in them `restrict.py` builds the file system, changes its root to it and
starts an init above the entry.  Root makes no user namespace, so that the entry can become a user that owns nothing;
anybody else needs one to be allowed the rest.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from harness.errors import IsolationError
from harness.sandbox.isolation import Backend, Job, restrict_command
from harness.sandbox.layout import Layout


class Namespaces(Backend):
    """The programs ``unshare`` and ``setpriv``; without Landlock and seccomp it does not start."""

    name = "namespaces"
    remedy = "Allow user namespaces (sysctl user.max_user_namespaces), or let the harness choose: auto."
    processes = 1  # ``unshare``, which stays above the init

    def command(self, layout: Layout | None, root: Path, job: Job) -> list[str]:
        assert layout is not None
        program, with_parent = shutil.which("unshare"), shutil.which("setpriv")
        if program is None or with_parent is None:
            raise IsolationError("there are no programs unshare and setpriv", self.remedy)
        user = [] if os.geteuid() == 0 else ["--user", "--map-user=65534", "--map-group=65534", "--keep-caps"]
        return [
            *(with_parent, "--pdeathsig", "KILL", program, *user),
            *("--mount", "--net", "--ipc", "--uts", "--cgroup", "--pid", "--fork", "--kill-child", "--"),
            *restrict_command(job | {"root": root_of(layout, root), "required": True}),
        ]


def root_of(layout: Layout, at: Path) -> dict[str, Any]:
    """Return `layout` as a job of `restrict.py`, to be built on the empty folder `at` of the host."""
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
