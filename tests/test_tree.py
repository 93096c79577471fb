"""Whatever strangers make in a folder, it can be measured, copied and removed."""

import errno
import os
import resource
import socket
import threading
from pathlib import Path

import pytest

from harness.platforms.codabench.container import StepLimits, passed_on_disk
from harness.platforms.codabench.transfer import copy_plain
from harness.sandbox import scratch
from harness.sandbox.scratch import scratch_folder
from harness.tree import DEPTH, remove, temporary_folder, walk


def dig(folder: Path, depth: int, name: str = "d") -> None:
    """Nest folders below `folder`, with a file in the deepest, though no path could reach it."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)


def shut(folder: Path) -> None:
    """Take the rights from folders in one another, the innermost first."""
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "c").write_text("c")
    for path, mode in ((inner / "c", 0), (inner, 0o500), (folder / "a", 0), (folder, 0o300)):
        path.chmod(mode)


def strange(folder: Path) -> None:
    (folder / "to a file").symlink_to("/etc/passwd")
    (folder / "to a folder").symlink_to("/etc")
    (folder / "to itself").symlink_to("to itself")
    (folder / "to nothing").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(".", os.O_RDONLY)
        os.chdir(folder)  # a socket's path is short
        try:
            made.bind("socket")
        finally:
            os.fchdir(here)
            os.close(here)
    (folder / os.fsdecode(b"\xff\n\x1b[31m")).write_text("")


def wide(folder: Path) -> None:
    for number in range(3000):
        (folder / str(number)).touch()
    for number in range(300):
        (folder / f"folder {number}" / "in it").mkdir(parents=True)


MADE = {
    "deep": lambda folder: dig(folder, 4000),
    "long": lambda folder: dig(folder, 60, "n" * 255),
    "shut": shut,
    "strange": strange,
    "wide": wide,
}


@pytest.fixture(params=MADE)
def made(request, tmp_path):
    """A folder in which a stranger has been."""
    folder = tmp_path / "made"
    folder.mkdir()
    MADE[request.param](folder)
    yield folder
    remove(folder)  # pytest itself could not


def test_it_is_removed(made):
    assert remove(made) == ""
    assert not os.path.lexists(made)
    assert remove(made) == ""


def open_files() -> list[int]:
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


def test_few_files_are_open_at_once_and_none_is_left_open(made):
    before = len(open_files())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_files()) + 2 * DEPTH + 20, hard))
    try:
        assert sum(1 for _ in walk(made)) >= 3
        assert remove(made) == ""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(open_files()) == before


def test_nothing_outside_is_touched(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "made"
    outside.mkdir(mode=0o500)
    (outside.parent / "kept").write_text("kept")
    folder.mkdir()
    (folder / "in").symlink_to(outside)
    (folder / "file").symlink_to(tmp_path / "kept")
    (folder / "hard").hardlink_to(tmp_path / "kept")
    assert {item.path for item in walk(folder)} == {"in", "file", "hard"}
    assert remove(folder) == ""
    assert (tmp_path / "kept").read_text() == "kept" and outside.stat().st_mode & 0o777 == 0o500
    folder.symlink_to(outside)
    assert remove(folder) == "" and outside.is_dir() and not os.path.lexists(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_another_user_owns_is_removed_by_root(tmp_path):
    shut(tmp_path / "made")
    for path, names, files in os.walk(tmp_path / "made"):
        for name in (*names, *files):
            os.chown(Path(path, name), 65534, 65534)
    assert remove(tmp_path / "made") == "" and not (tmp_path / "made").exists()


def test_two_may_remove_it_at_the_same_time(tmp_path):
    folder, told = tmp_path / "made", []
    folder.mkdir()
    dig(folder, 1000)
    wide(folder)
    threads = [threading.Thread(target=lambda: told.append(remove(folder))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [""] * 3 and not folder.exists()


def test_a_walk_goes_as_deep_as_it_is_told(tmp_path):
    dig(tmp_path, 7)
    assert [item.level for item in walk(tmp_path, 3)] == [0, 1, 2, 3]
    assert [item.path for item in walk(tmp_path)][-1] == "d/d/d/d/d/d/d/bottom"
    (tmp_path / "d" / "d").chmod(0)
    assert len(list(walk(tmp_path))) == 8
    assert list(walk(tmp_path / "none")) == []
    remove(tmp_path / "d")


def test_a_temporary_folder_is_gone_whatever_was_made_in_it(tmp_path):
    with temporary_folder("x-", tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        dig(folder, 2000)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("make", "room", "passed"),
    [
        (lambda folder: dig(folder, DEPTH - 2), {}, ""),
        (lambda folder: dig(folder, DEPTH), {}, "depth"),
        (lambda folder: dig(folder, 3000), {}, "depth"),
        (lambda folder: [(folder / str(n)).touch() for n in range(50)], {"files": 50}, ""),
        (lambda folder: [(folder / str(n)).touch() for n in range(51)], {"files": 50}, "files"),
        (lambda folder: [(folder / str(n)).mkdir() for n in range(51)], {"files": 50}, "files"),
        (lambda folder: (folder / "a").write_bytes(bytes(900_000)), {}, ""),
        (lambda folder: (folder / "a").write_bytes(bytes(1_100_000)), {}, "disk"),
        (lambda folder: os.truncate(os.open(folder / "a", os.O_CREAT | os.O_WRONLY), 1 << 40), {}, "disk"),
        (lambda folder: (folder / "a").symlink_to("/proc/kcore"), {}, ""),
        (shut, {"files": 2}, "files"),
    ],
)
def test_the_limits_on_disk_hold(make, room, passed, tmp_path):
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    make(folders[1])
    assert passed_on_disk(folders, StepLimits(time_s=1, memory_mb=1, disk_mb=1, **room)) == passed
    remove(folders[1])


def test_what_a_step_left_is_copied_as_far_as_it_is_plain(tmp_path):
    made, target = tmp_path / "made", tmp_path / "target"
    made.mkdir()
    strange(made)
    dig(made, 1200)
    shut(made / "shut")
    (made / "run.sh").write_text("run")
    (made / "run.sh").chmod(0o4777)
    left = copy_plain(made, target)
    assert len(left) == 7, "four links, a pipe, a socket and a folder too deep"
    assert (target / "run.sh").read_text() == "run" and (target / "shut" / "a" / "b" / "c").read_text() == "c"
    assert {item.status().st_mode & 0o777 for item in walk(target)} == {0o600, 0o700}
    assert not any(item.entry.is_symlink() for item in walk(target))
    for number in range(20):
        (made / f"link {number}").symlink_to("/etc")
    assert len(copy_plain(made, target)) == 9, "what was left behind is named in part, and counted"
    assert remove(made) == remove(target) == ""


def test_a_leftover_that_cannot_be_removed_stops_no_run(tmp_path, monkeypatch, capsys):
    (tmp_path / "run-dead").mkdir()
    monkeypatch.setattr(scratch, "remove", lambda folder: "Operation not permitted")
    for _ in range(2):
        with scratch_folder(tmp_path) as folder:
            assert folder.is_dir()
    assert (tmp_path / "left-run-dead").is_dir()
    told = capsys.readouterr().err
    assert told.count("left-run-dead: Operation not permitted") == 1, "said once, and not tried for ever"


@pytest.mark.parametrize("kind", [errno.EACCES, errno.EIO])
def test_a_run_folder_that_cannot_be_looked_into_is_left_alone(kind, tmp_path, monkeypatch):
    (tmp_path / "run-anothers").mkdir()
    (tmp_path / "run-anothers" / "alive.lock").touch()
    opened = Path.open

    def fail(path, *words, **more):
        if path.parent.name == "run-anothers":
            raise OSError(kind, os.strerror(kind))
        return opened(path, *words, **more)

    monkeypatch.setattr(Path, "open", fail)
    with scratch_folder(tmp_path):
        pass
    assert (tmp_path / "run-anothers").is_dir()
