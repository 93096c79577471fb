"""``fit.py`` in the sandbox: public data in, its own folder out, and nothing else either way."""

from __future__ import annotations

import textwrap
import zipfile

import numpy as np
import pytest

from harness.contest import Limits
from harness.errors import RefusedZip
from harness.sandbox.train import train_in_sandbox
from tests.sandbox.conftest import ASLEEP, HONEST

HONEST_FIT = """
import pathlib, sys
import numpy as np
labels = np.load(pathlib.Path(sys.argv[1]) / "train.npz")["labels"]
pathlib.Path("weights").mkdir()
np.save("weights/mean.npy", labels.mean() + int(sys.argv[2]))
print("seed", sys.argv[2], "of", len(labels))
"""


@pytest.fixture
def public(tmp_path):
    folder = tmp_path / "contest" / "public"
    folder.mkdir(parents=True)
    np.savez(folder / "train.npz", labels=np.arange(8))
    (folder.parent / "private").mkdir()
    (folder.parent / "private" / "labels.npz").write_text("secret")
    return folder


@pytest.fixture
def train(tmp_path, public):
    """Return a function that trains with the lines of a ``fit.py``."""

    def start(fit=HONEST_FIT, isolation="auto", log=None, **limits):
        path = tmp_path / "entry.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", HONEST)
            if fit:
                archive.writestr("fit.py", textwrap.dedent(fit))
        terms = {"scratch": tmp_path / "scratch", "seed": 7, "isolation": isolation, "log": log}
        return train_in_sandbox(path, public, tmp_path / "out", Limits(**limits), **terms)

    return start


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_fit_leaves_comes_out_and_public_data_is_what_it_sees(train, tmp_path, isolation):
    done = train(isolation=isolation)
    assert (done.problem, done.left_out, done.log) == ("", (), "seed 7 of 8\n"), done
    assert files_in(tmp_path / "out") == ["fit.py", "model.py", "weights/mean.npy"]
    assert np.load(tmp_path / "out" / "weights" / "mean.npy") == 10.5
    assert done.isolation == isolation
    assert list((tmp_path / "scratch").iterdir()) == [tmp_path / "scratch" / ".lock"]


def test_nothing_but_plain_files_comes_out_and_nothing_of_the_host_goes_in(train, public, tmp_path, isolation):
    if isolation == "none":
        pytest.skip("without isolation it may")
    found = train(
        f"""
        import os, pathlib, socket, sys
        for place in ({str(public.parent / "private")!r}, {str(tmp_path)!r}):
            print(os.path.exists(place))
        try: open(os.path.join(sys.argv[1], 'train.npz'), 'ab'); print('wrote')
        except OSError: print('read only')
        try: socket.create_connection(('1.1.1.1', 53), 1); print('online')
        except OSError: print('no network')
        os.symlink('/etc/passwd', 'link'); os.mkfifo('pipe'); socket.socket(socket.AF_UNIX).bind('socket')
        pathlib.Path('closed').mkdir(); pathlib.Path('closed/kept').write_text('x'); os.chmod('closed', 0)
        pathlib.Path('shut').write_text('y'); os.chmod('shut', 0)
        if os.fork() == 0:
            import time; time.sleep(600)
        """,
        isolation,
    )
    assert found.log.split("\n")[:4] == ["False", "False", "read only", "no network"]
    assert files_in(tmp_path / "out") == ["closed/kept", "fit.py", "model.py", "shut"]
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink()]
    assert [name.partition(":")[0] for name in sorted(found.left_out)] == ["link", "pipe", "socket"]


@pytest.mark.parametrize(
    ("fit", "words", "limits"),
    [
        ("raise SystemExit(3)", "exit code 3", {}),
        (f"import time; {ASLEEP}", "may take 50 s", {"fit_time_s": 50}),
        ("import time; x = bytearray(500_000_000); time.sleep(600)", "may use 300 MB", {"fit_memory_mb": 300}),
        ("for n in range(30): open(f'f{n}', 'w')", "more than 20 files", {"files": 20}),
        (
            "for n in range(9):\n  with open(f'f{n}', 'w') as f: f.truncate(9_000_000)",
            "more than 20 MB",
            {"unpacked_mb": 20},
        ),
    ],
)
def test_a_training_that_ends_badly_says_why_and_leaves_nothing(train, tmp_path, leaping_clock, fit, words, limits):
    done = train(fit, **limits)
    assert words in done.problem and done.hint, done
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "scratch").iterdir()) == [tmp_path / "scratch" / ".lock"]


def test_a_submission_without_fit_is_not_trained(train):
    with pytest.raises(RefusedZip, match=r"fit\.py"):
        train(fit="")
