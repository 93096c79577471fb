"""Disks that are small or read-only, to be had where the tests run as root on Linux."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """A small disk of its own, in memory."""

    path: Path

    @property
    def free(self) -> int:
        return shutil.disk_usage(self.path).free

    def fill(self, left: int) -> None:
        """Leave `left` bytes free, to the page."""
        with (self.path / "ballast").open("wb") as file:
            while (more := self.free - left) >= 4096:
                file.write(bytes(min(more, 1 << 20)))
                file.flush()

    def empty(self) -> None:
        (self.path / "ballast").unlink()

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", self.path], check=True)


@pytest.fixture
def disk(tmp_path):
    """A disk of 64 MB, mounted for one test."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    path = tmp_path / "a disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", path], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def on_disk(hemobench, disk):
    """The command line on a workspace that lies on the small disk, with one entry on record."""
    hemobench("submit", "majority", "-m", "before")
    shutil.copytree(hemobench.workspace, disk.path / "a workspace", symlinks=True)
    return type(hemobench)(disk.path / "a workspace")
