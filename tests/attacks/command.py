"""The real command in a process of its own, forked from one that has imported it: 130 attacks, not 130 imports."""

from __future__ import annotations

import ctypes
import functools
import io
import multiprocessing
import os
import signal
import sys
import zipfile
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from unittest import mock

import harness.cli._view.result
import harness.cli.pack
import harness.cli.score
import harness.cli.submit
import harness.submit  # noqa: F401, as the others: what verbs import when they are called
from harness.cli import main
from tests.attacks.ideas import Idea

ROOT = Path(__file__).parents[2]
VARIABLE = "HEMOBENCH_CANARY"
SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine, 0)
KEYCTL_JOIN_SESSION_KEYRING = 1
FORKS = multiprocessing.get_context("forkserver")


@functools.cache
def make_ready() -> None:
    """Start the process that commands are forked from.

    It shares our session's keyring, where keys are planted later.  What the system tells of its variables is what it
    was started with, so that the planted one is among them.
    """
    if SYS_KEYCTL:
        ctypes.CDLL(None).syscall(SYS_KEYCTL, KEYCTL_JOIN_SESSION_KEYRING, None)
    FORKS.set_forkserver_preload([__name__])
    with mock.patch.dict(os.environ, {VARIABLE: "planted"}):
        forkserver.ensure_running()


def _run(
    idea: Idea, side: str, facts: dict[str, Any], words: list[str], environment: dict[str, str], streams: list[Path]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR), number)
    entry = idea.zip(side, {**facts, "pid": os.getpid()})
    if words[0] == "pack":
        zipfile.ZipFile(io.BytesIO(entry)).extractall(words[1])
    else:
        Path(words[1]).write_bytes(entry)
    sys.argv = ["hemobench", *words]
    main()


def start(
    idea: Idea, side: str, facts: dict[str, Any], words: list[str], environment: dict[str, str], streams: list[Path]
) -> ForkServerProcess:
    """Start ``hemobench VERB ZIP …`` on the zip of one side of an idea, which knows the number of the process.

    Parameters
    ----------
    streams : list of Path
        Files that are there: what it reads, what it writes on stdout and on stderr.
    """
    process = FORKS.Process(target=_run, args=(idea, side, facts, words, environment, streams))
    process.start()
    return process
