"""Every way a run can end, each beside a nearby entry that scores."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.contest import Limits
from harness.errors import IsolationError
from harness.sandbox.isolation import RESTRICTIONS
from harness.sandbox.outcome import Outcome
from harness.sandbox.run import run_entry
from harness.sandbox.untrusted import read_predictions
from tests.sandbox.conftest import ASLEEP

PREDICT = "import numpy as np\nclass Model:\n    def predict(self, X):\n        "


def test_an_honest_entry_scores_with_its_labels_split_by_split(run, images, isolation):
    done = run(isolation=isolation)
    assert done.outcome == Outcome.SCORED, done
    assert (done.message, done.hint, done.log) == ("", "", "")
    assert list(done.predictions) == ["val", "public"]
    for split, labels in done.predictions.items():
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, images[split][:, 0, 0, 0] % 8)
    assert done.isolation == isolation
    assert set(done.restrictions) | set(done.missing_restrictions) == set(RESTRICTIONS)
    assert set(done.restrictions).isdisjoint(done.missing_restrictions)
    assert set(done.seconds) == {"load", "val", "public", "again", "wall"}
    assert 20 < done.peak_memory_mb < 500, "NumPy alone takes that, however soon it ends"
    assert done.environment["numpy"] == np.__version__
    assert done.environment["device"] in ("cpu", "gpu")


def test_an_entry_reads_its_weights_by_a_relative_path_and_may_write_beside_them(zipped, images, tmp_path, isolation):
    model = """
    import pathlib, tempfile
    import helper
    class Model:
        def __init__(self):
            self.label = int(pathlib.Path('weights/label.txt').read_text())
            pathlib.Path('weights/label.txt').write_text('changed')
            pathlib.Path('cache').mkdir()
            tempfile.NamedTemporaryFile().write(b'x')
        def predict(self, X):
            return helper.constant(len(X), self.label)
    """
    path = zipped(model, **{"weights/label.txt": "3", "helper.py": "def constant(n, k): return [k] * n"})
    for _ in range(2):  # what one run writes, the next does not see
        done = run_entry(path, images, 8, Limits(), scratch=tmp_path / "scratch", order=1, isolation=isolation)
        assert done.outcome == Outcome.SCORED, done
        assert set(done.predictions["val"]) == {3}


@pytest.mark.parametrize(
    ("model", "outcome", "code", "subject"),
    [
        ("import no_such_package\n", "import_failed", "module_missing", "no_such_package"),
        ("def broken(:\n", "import_failed", "syntax_error", "model.py"),
        ("raise SystemExit(3)\n", "import_failed", "exception", ""),
        ("x = 1\n", "import_failed", "no_model_class", ""),
        ("class model:\n    pass\n", "import_failed", "no_model_class", ""),
        ("class Model:\n    def __init__(self, path): pass\n", "load_failed", "init_arguments", "path"),
        ("class Model:\n    def __init__(self): open('weights.h5')\n", "load_failed", "file_missing", "weights.h5"),
        ("class Model:\n    pass\n", "load_failed", "no_predict", ""),
        (PREDICT + "raise ValueError('odd')", "predict_failed", "exception", ""),
        (PREDICT + "X[0] = 0; return X[:, 0, 0, 0]", "predict_failed", "read_only_images", ""),
        (PREDICT + "X = X.copy(); X /= 255", "predict_failed", "uint8_arithmetic", ""),
        (PREDICT + "import os; os._exit(0)", "predict_failed", "exited", ""),
        (PREDICT + "return None", "bad_output", "returned_none", ""),
        (PREDICT + "return np.eye(8)[np.zeros(len(X), int)]", "bad_output", "one_hot", ""),
        (PREDICT + "return np.empty((1 << 45,))", "out_of_memory", "memory_error", ""),
        (PREDICT + "import os; os.kill(os.getpid(), 9)", "killed", "signal", "SIGKILL"),
        (PREDICT + "import ctypes; ctypes.string_at(0)", "killed", "signal", "SIGSEGV"),
    ],
)
def test_a_faulty_entry_gets_its_outcome_and_a_code(run, model, outcome, code, subject):
    done = run(model)
    assert (done.outcome, done.code) == (outcome, code), done
    assert done.subject == subject
    assert done.message
    assert done.hint
    assert done.predictions == {}


@pytest.mark.parametrize(
    "model",
    [
        "class Model:\n    def __init__(self, path='.'): pass\n    def predict(self, X): return [0] * len(X)\n",
        PREDICT + "return (X[:, 0, 0, 0] % 8)",
        PREDICT + "return np.full((len(X), 8), .125).argmax(axis=1).astype(np.int16)",
        PREDICT + "X = X / 255; X[0] = 0; return np.zeros(len(X)).astype(int)",
        PREDICT
        + "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start(); return [1] * len(X)",
    ],
)
def test_a_nearby_honest_entry_scores(run, model):
    assert run(model).outcome == Outcome.SCORED


def test_a_traceback_in_the_log_shows_the_entrants_frames_alone_with_relative_paths(run, isolation):
    done = run(
        "class Model:\n    def __init__(self):\n        self.build()\n    def build(self): int('x')\n", isolation
    )
    assert done.outcome == Outcome.LOAD_FAILED
    assert 'File "model.py", line 3, in __init__' in done.log
    assert "child.py" not in done.log
    assert "ValueError: invalid literal" in done.log


def test_a_slow_entry_is_stopped_at_the_limit_and_told_where(run, isolation, leaping_clock):
    done = run(PREDICT + f"import time; {ASLEEP}", isolation, time_s=100)
    assert (done.outcome, done.code) == (Outcome.TIMED_OUT, "time_limit")
    assert "predict(X) on val" in done.message
    assert done.seconds["wall"] > 100
    assert run(PREDICT + "import time; time.sleep(.1); return [0] * len(X)", isolation, time_s=100).outcome == "scored"


def test_an_entry_that_ignores_every_signal_is_stopped_all_the_same(run, isolation):
    model = """
    import signal, time
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    time.sleep(600)
    """
    done = run(model, isolation, time_s=1)
    assert done.outcome == Outcome.TIMED_OUT
    assert "from model import Model" in done.message


def test_an_entry_past_its_memory_is_stopped(run, isolation):
    hungry = PREDICT + "import time; kept = []\n"
    hungry += "        for _ in range(len(X)): kept.append(np.ones(5_000_000)); time.sleep(.02)"
    done = run(hungry + "\n        time.sleep(600)", isolation, memory_mb=300)
    assert done.outcome == Outcome.OUT_OF_MEMORY
    assert done.peak_memory_mb > 300
    assert run(hungry + "; kept.clear()\n        return [0] * len(X)", isolation, memory_mb=300).outcome == "scored"


def test_memory_of_all_processes_counts_together(run, isolation):
    model = PREDICT + "import os, time\n        children = 3 if len(X) == 20 else 0\n"
    model += "        while children and os.fork(): children -= 1\n        kept = np.ones(15_000_000); time.sleep({})\n"
    model += "        if children: os._exit(0)\n        return [0] * len(X)"
    assert run(model.format(600), isolation, memory_mb=300).outcome == Outcome.OUT_OF_MEMORY
    assert run(model.format(0), isolation, memory_mb=1500).outcome == Outcome.SCORED


def test_memory_that_no_process_shows_counts_where_the_kernel_keeps_the_account(run, isolation):
    if not run(isolation=isolation).control_group:
        pytest.skip("no control group can be made here")
    hold = "m = mmap.mmap(-1, 50_000_000); m.write(b'x' * 50_000_000); m.madvise(mmap.MADV_DONTNEED); kept.append(m)"
    model = f"import mmap\nkept = []\nfor _ in range(200):\n    {hold}\n" + PREDICT + "return [0] * len(X)"
    done = run(model, isolation, memory_mb=200, unpacked_mb=100)
    assert (done.outcome, done.code) == (Outcome.OUT_OF_MEMORY, "memory_limit")


def test_too_many_processes_end_an_entry_and_a_few_do_not(run, isolation):
    model = PREDICT + "import threading, time\n        for _ in range({n}):\n"
    model += "            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    model += "        time.sleep(600 if {n} > 60 else 0); return [0] * len(X)"
    assert run(model.format(n=200), isolation, processes=60).outcome in (Outcome.PREDICT_FAILED, Outcome.KILLED)
    assert run(model.format(n=20), isolation, processes=60).outcome == Outcome.SCORED


def test_a_log_bomb_is_cut_and_its_end_kept(run, isolation):
    model = PREDICT + "print('first'); print('x' * 50_000_000); print('last'); return [0] * len(X)"
    done = run(model, isolation, log_kb=16)
    assert done.outcome == Outcome.SCORED
    assert done.log.startswith("first\nx")
    assert done.log.endswith("last\n")
    assert len(done.log) < 16_200
    assert "bytes cut out here" in done.log


def test_what_an_entry_prints_stands_in_the_log_whatever_the_bytes(run):
    model = (
        PREDICT + "import os, sys; os.write(1, b'\\xff\\n'); print('to stderr', file=sys.stderr); return [0] * len(X)"
    )
    assert run(model).log.startswith("\ufffd\nto stderr\n" * 2)


def test_steering_characters_do_not_reach_the_message(run):
    done = run(PREDICT + "raise ValueError('\\x1b[2J\\u202e')")
    assert done.outcome == Outcome.PREDICT_FAILED
    assert done.message.isprintable()


def test_an_exception_that_cannot_be_printed_is_still_reported(run):
    model = "class Evil(Exception):\n    def __str__(self): raise SystemExit(9)\n" + PREDICT + "raise Evil"
    done = run(model)
    assert done.outcome == Outcome.PREDICT_FAILED
    assert "Evil" in done.message


def test_a_daemon_grandchild_is_dead_afterwards(run, isolation):
    mark = f"mark-{os.urandom(8).hex()}"
    model = f"""
    import os, sys
    class Model:
        def predict(self, X):
            reader, writer = os.pipe()
            os.set_inheritable(writer, True)
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    code = f'import os, time; os.write({{writer}}, b"I live"); time.sleep(600) # {mark}'
                    os.execv(sys.executable, [sys.executable, '-c', code])
                os._exit(0)
            os.read(reader, 6)
            return [0] * len(X)
    """
    assert run(model, isolation).outcome == Outcome.SCORED
    assert not [other for other in psutil.process_iter(["cmdline"]) if mark in " ".join(other.info["cmdline"] or [])]


FORGER = """
import json, os, sys
class Model:
    def predict(self, X):
        job = json.loads(open('/proc/self/cmdline').read().split(chr(0))[-2])
        report = {{'stage': 'predict val', 'outcome': {outcome!r}, 'seconds': {{}}, 'environment': {{}}}}
        {forge}
        open(job['report'], 'a').write(json.dumps(report) + chr(10))
        os._exit(0)
"""


@pytest.mark.parametrize(
    ("outcome", "forge", "expected", "code"),
    [
        ("scored", "open(job['predictions'], 'wb').write(b'x' * 1000)", "bad_output", "answers_forged"),
        ("scored", "pass", "bad_output", "answers_forged"),
        ("timed_out", "pass", "predict_failed", "exited"),
        ("refused", "report['message'] = 1", "predict_failed", "exited"),
        ("load_failed", "open(job['report'], 'w').write('x' * 10**6)", "bad_output", "answers_flooded"),
    ],
)
def test_a_forged_report_gains_nothing(run, outcome, forge, expected, code):
    done = run(FORGER.format(outcome=outcome, forge=forge))
    assert (done.outcome, done.code) == (expected, code), done
    assert done.predictions == {}


def test_a_file_of_predictions_is_accepted_only_as_numpy_writes_it(tmp_path):
    path = tmp_path / "labels.npy"

    def answer(content):
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content, allow_pickle=True)
        with path.open("rb") as file:
            return read_predictions(file, 3, 8)

    np.testing.assert_array_equal(answer(np.array([0, 7, 3])), [0, 7, 3])
    good = path.read_bytes()
    assert isinstance(answer(np.array([0, 8, 3])), str)
    assert isinstance(answer(np.array([0, -1, 3])), str)
    assert isinstance(answer(np.array([0, 7])), str)
    assert isinstance(answer(np.array([0.0, 7.0, 3.0])), str)
    assert isinstance(answer(np.array([0, 7, object()])), str)
    assert isinstance(answer(good[:-1]), str)
    assert isinstance(answer(good + b"\0"), str)
    assert isinstance(answer(b""), str)


def test_scratch_is_left_empty_whatever_an_entry_does_to_it(run, tmp_path, isolation):
    model = "import os; os.makedirs('a/b'); open('a/b/c', 'w'); os.chmod('a/b', 0); os.chmod('a', 0)\n" + PREDICT
    assert run(model + "return [0] * len(X)", isolation).outcome == Outcome.SCORED
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]


def test_a_leftover_is_swept_and_a_living_run_is_not(run, tmp_path):
    dead, living = tmp_path / "scratch" / "run-dead", tmp_path / "scratch" / "run-living"
    for folder in (dead, living):
        (folder / "entry").mkdir(parents=True)
        (folder / "alive.lock").touch()
    with (living / "alive.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run()
        assert not dead.exists()
        assert living.exists()
    run()
    assert not living.exists()


def test_a_killed_harness_takes_its_entry_with_it_and_the_next_run_sweeps(zipped, run, tmp_path, isolation):
    mark = f"mark-{os.urandom(8).hex()}"
    code = f"import time; time.sleep(600) # {mark}"
    model = f"import os, sys\nos.execv(sys.executable, [sys.executable, '-c', {code!r}])"
    script = f"""
    import numpy as np
    from pathlib import Path
    from harness.contest import Limits
    from harness.sandbox.run import run_entry
    images = {{"val": np.zeros((2, 8, 8, 3), np.uint8)}}
    run_entry(Path({str(zipped(model))!r}), images, 8, Limits(), scratch=Path({str(tmp_path / "scratch")!r}), order=1,
              isolation={isolation!r})
    """
    harness = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])

    def entries() -> list[psutil.Process]:
        return [other for other in psutil.process_iter(["cmdline"]) if mark in " ".join(other.info["cmdline"] or [])]

    def wait_until(condition) -> bool:
        end = time.monotonic() + 120
        while not condition() and time.monotonic() < end:
            time.sleep(0.05)
        return condition()

    assert wait_until(entries)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    assert wait_until(lambda: not entries())
    assert list((tmp_path / "scratch").glob("run-*"))
    run()
    assert not list((tmp_path / "scratch").glob("run-*"))


def broken(tmp_path: Path, monkeypatch, *programs: str) -> None:
    """Put programs first on the path that fail as they do where namespaces are forbidden."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for program in programs:
        (folder / program).write_text("#!/bin/sh\necho no permission to make namespaces >&2; exit 1\n")
        (folder / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_isolation_that_cannot_be_had_is_an_error_and_auto_takes_the_next(run, monkeypatch, tmp_path):
    try:
        run(isolation="namespaces")
    except IsolationError as error:
        pytest.skip(error.message)
    broken(tmp_path, monkeypatch, "bwrap")
    with pytest.raises(IsolationError, match="no permission to make namespaces") as caught:
        run(isolation="bubblewrap")
    assert "apt install bubblewrap" in caught.value.hint
    done = run()
    assert done.outcome == Outcome.SCORED
    assert done.isolation == "namespaces"


def test_no_entry_runs_without_isolation_unless_that_is_asked_for_by_name(run, monkeypatch, tmp_path):
    broken(tmp_path, monkeypatch, "bwrap", "setpriv", "unshare")
    with pytest.raises(IsolationError, match=r"bubblewrap: no permission .* namespaces: no permission") as caught:
        run()
    assert "--isolation none" in caught.value.hint
    assert run(isolation="none").outcome == Outcome.SCORED


def test_labels_are_put_back_in_order_whatever_the_order_in_which_images_were_shown(zipped, images, tmp_path):
    shown = []
    for order in (1, 2):
        model = "class Model:\n    def predict(self, X):\n        print(X[:, 0, 0, 0].tolist())\n"
        model += "        return X[:, 0, 0, 0].astype(int) % 8\n"
        done = run_entry(zipped(model), images, 8, Limits(), scratch=tmp_path / "scratch", order=order)
        assert done.order == order
        for split, batch in images.items():
            np.testing.assert_array_equal(done.predictions[split], batch[:, 0, 0, 0] % 8)
        shown.append(done.log.splitlines()[0])
    assert shown[0] != shown[1] and sorted(shown[0]) == sorted(shown[1])


@pytest.mark.parametrize(
    ("returned", "changed"),
    [
        ("X[:, 0, 0, 0].astype(int) % 8", False),
        ("np.arange(len(X)) % 8", True),  # by place
        ("(X[:, 0, 0, 0] > X[:, 0, 0, 0].mean()).astype(int)", True),  # by neighbours
        ("np.random.default_rng().integers(0, 8, len(X))", True),  # by chance
    ],
)
def test_labels_that_depend_on_place_neighbours_or_chance_are_noted(run, returned, changed):
    done = run(PREDICT + f"return {returned}")
    assert done.outcome == Outcome.SCORED
    assert done.repeat is not None and done.repeat.n == 25
    assert (done.repeat.n_changed > 0) == changed
    assert any("Order-dependent" in note for note in done.notes) == changed


@pytest.mark.parametrize(
    ("then", "words"),
    [("raise ValueError('no batch of one')", "no batch of one"), (f"import time; {ASLEEP}", "Not done within")],
)
def test_a_consistency_check_that_fails_leaves_the_score_and_a_note(run, leaping_clock, then, words):
    done = run(PREDICT + f"if len(X) == 1:\n            {then}\n        return [1] * len(X)")
    assert done.outcome == Outcome.SCORED
    assert done.repeat is None
    assert words in done.notes[0]


def test_an_entry_that_fills_the_files_of_the_harness_is_stopped(run, isolation):
    model = PREDICT + (
        "import json, sys\n        path = json.loads(sys.orig_argv[-1])['report']\n        "
        "while True: open(path, 'a').write('x' * 100_000)"
    )
    done = run(model, isolation)
    assert (done.outcome, done.code) == (Outcome.BAD_OUTPUT, "answers_flooded")


def test_a_refused_zip_is_an_outcome_and_nothing_of_it_runs(images, tmp_path):
    path = tmp_path / "entry.zip"
    path.write_bytes(b"Rar!\x1a\x07\x00")
    done = run_entry(Path(path), images, 8, Limits(), scratch=tmp_path / "scratch", order=1)
    assert done.outcome == Outcome.REFUSED
    assert "RAR archive" in done.message
    assert done.isolation == ""
