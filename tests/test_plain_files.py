"""What lies in a stranger's folder is a plain file, or is named and never opened."""

import os
import socket
from pathlib import PurePosixPath

import pytest

from harness.errors import PackError
from harness.pack import pack
from harness.plain_files import BROKEN, plain_files

MODEL = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"
SPECIAL = {
    "pipe": "a pipe",
    "socket": "a socket",
    "device": "a device",
    "nowhere": "a link",
    "out": "a link",
    "inside": "a link",
    "loop": "a link",
    "itself": "a link",
}


@pytest.fixture
def folder(tmp_path):
    """A folder with a model.py and one of each kind of what is no plain file."""
    root = tmp_path / "team"
    root.mkdir()
    (tmp_path / "secret.txt").write_text("x")
    (root / "model.py").write_text(MODEL)
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(root, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
    (root / "device").symlink_to("/dev/zero")
    (root / "nowhere").symlink_to("nothing")
    (root / "out").symlink_to(tmp_path / "secret.txt")
    (root / "inside").symlink_to("model.py")
    (root / "loop").symlink_to(".")
    (root / "itself").symlink_to("itself")
    return root


def test_what_is_no_plain_file_is_left_out_with_the_reason(folder):
    found = plain_files(folder)
    assert list(found.plain) == [PurePosixPath("model.py")]
    told = {str(name): reason for name, reason in found.left_out.items()}
    assert told == SPECIAL | {"device": "a link"}


def test_links_are_followed_where_they_stay_inside_and_never_in_a_circle(folder, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.txt").write_text("x")
    (folder / "more").symlink_to(tmp_path / "more")
    (folder / "via").symlink_to("more/a.txt")
    found = plain_files(folder, follow=True)
    assert [str(name) for name in found.plain] == ["inside", "model.py", "more/a.txt", "via"]
    assert {str(name): reason for name, reason in found.left_out.items()} == {
        **{name: SPECIAL[name] for name in ("pipe", "socket", "device")},
        "nowhere": BROKEN,
        "itself": BROKEN,
        "out": "a link that leads out of the folder",
        "loop": "a link to a folder that it lies in",
    }


def test_a_folder_far_too_deep_is_named(tmp_path):
    deep = tmp_path / "root" / "/".join(["a"] * 600)
    deep.mkdir(parents=True)
    found = plain_files(tmp_path / "root")
    (reason,) = found.left_out.values()
    assert "folders deep" in reason


def test_pack_leaves_special_files_out_and_says_so(folder, tmp_path):
    packed = pack(folder, tmp_path / "a.zip")
    assert packed.members == ("model.py",)
    assert packed.left_out == tuple(
        f"{name}: {reason}" for name, reason in sorted((SPECIAL | {"device": "a link"}).items())
    )


def test_a_model_that_is_a_pipe_is_no_model(tmp_path):
    os.mkfifo(tmp_path / "model.py")
    with pytest.raises(PackError, match=r"no model\.py"):
        pack(tmp_path, tmp_path / "a.zip")
