"""An interpreter that waits for its entry: what it may import meanwhile, and that nobody gains anything by it."""

from __future__ import annotations

import json
import textwrap
import time
import zipfile
from types import SimpleNamespace

import psutil
import pytest

from harness.contest import Limits
from harness.sandbox import run as running
from harness.sandbox import watch
from harness.sandbox.outcome import Outcome
from harness.sandbox.process_tree import _is_alive
from harness.sandbox.run import prepare_entry
from harness.sandbox.sandbox_command import Command
from harness.sandbox.slow_imports import slow_imports
from tests.sandbox.conftest import HONEST


@pytest.mark.parametrize(
    ("files", "ahead"),
    [
        ({"model.py": "import numpy as np\n"}, ()),
        ({"model.py": "import os\nos.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')\nimport keras\n"}, ("keras",)),
        ({"model.py": "import torch, keras\nimport pandas as pd\n"}, ("torch", "keras", "pandas")),
        ({"model.py": "import tensorflow as tf\n"}, ("tensorflow",)),
        ({"model.py": "from tensorflow import keras as tfk\n"}, ("tensorflow", "keras")),
        ({"model.py": "from tensorflow.keras.models import load_model\n"}, ("tensorflow", "keras")),
        ({"model.py": "from net.build import make\n", "net/build.py": "import sklearn.svm\n"}, ("sklearn",)),
        ({"model.py": "try:\n    import keras\nexcept ImportError:\n    keras = None\n"}, ()),
        ({"model.py": "class Model:\n    def __init__(self):\n        import keras\n"}, ()),
        ({"model.py": "import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras\n"}, ()),
        ({"model.py": "import help_me\nimport keras\n", "help_me.py": "from os import environ\n"}, ()),
        ({"model.py": "import sys\nsys.path.insert(0, 'vendor')\nimport keras\n"}, ()),
        ({"model.py": "import keras\n", "keras/__init__.py": ""}, ()),
        ({"model.py": "import keras\n", "random.py": ""}, ()),
        ({"model.py": "import keras\n", "psutil.py": ""}, ()),
        ({"model.py": "import keras\n", "help_me.py": "", "weights.h5": ""}, ("keras",)),
        ({"model.py": "import keras\nimport help_me\n", "help_me.py": "def broken(:\n"}, ()),
        ({"model.py": "import a\nimport keras\n", "a.py": "import b\n", "b.py": "import a\n"}, ("keras",)),
    ],
)
def test_what_is_sure_to_be_imported_is_read_from_the_source(tmp_path, files, ahead):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert slow_imports(tmp_path) == ahead


@pytest.fixture
def prepare(images, tmp_path):
    """Return a function that prepares a run of the lines of a ``model.py``."""

    def start(model: str = HONEST, isolation: str = "auto", **limits: int):
        path = tmp_path / f"{len(list(tmp_path.glob('*.zip')))}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", textwrap.dedent(model))
        scratch = tmp_path / "scratch"
        return prepare_entry(path, images, 8, Limits(**limits), scratch=scratch, order=1, isolation=isolation)

    return start


def test_nothing_of_an_entry_is_in_its_sandbox_before_it_is_handed_over(prepare, tmp_path, isolation):
    others = set(psutil.Process().children())
    with prepare(isolation=isolation) as finish:
        (folder,) = (tmp_path / "scratch").glob("run-*")
        assert list((folder / "given").iterdir()) == []
        assert {path.name for path in (folder / "aside" / "given").iterdir()} == {"entry", "images", "hidden"}
        (waiting,) = set(psutil.Process().children()) - others
        assert not [word for word in waiting.cmdline() if str(folder / "aside") in word]
        assert finish().outcome == Outcome.SCORED
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]


def test_what_is_never_run_leaves_nothing(prepare, tmp_path, isolation):
    others = set(psutil.Process().children(recursive=True))
    with prepare(isolation=isolation):
        processes = set(psutil.Process().children(recursive=True)) - others
        assert processes
    assert not [process for process in processes if _is_alive(process)]
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]


# What an entry finds around itself when its own code begins.
AROUND = (
    """
import json, os, re, resource, signal, sys
variables, modules, path = getattr(os, 'environ'), getattr(sys, 'modules'), getattr(sys, 'path')  # not by name
ahead = 'pandas' in modules
{imports}
status = open('/proc/self/status').read()
print(json.dumps({{
    'environment': sorted(f'{{k}}={{v}}' for k, v in variables.items() if k != 'HEMOBENCH_RUN' and 'run-' not in v),
    'folder': [os.path.basename(os.getcwd()), sorted(os.listdir())],
    'path': [os.path.basename(path[0]), *path[1:]],
    'arguments': sys.argv,
    'open': sorted(re.sub(r'\\d+', '', os.readlink(f'/proc/self/fd/{{fd}}')) for fd in (0, 1, 2)),
    'sockets': [fd for fd in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{{fd}}')
                and os.readlink(f'/proc/self/fd/{{fd}}').startswith('socket')],
    'limits': [resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith('RLIMIT_')],
    'rights': re.findall(r'^(?:Cap\\w+|NoNewPrivs|Seccomp|Sig(?:Blk|Ign)):.*', status, re.M),
    'modules': sorted(name for name in modules if name in ('child', 'answer_checks', 'model', 'restrict')),
}}))
print('ahead:', ahead)
"""
    + HONEST
)


def test_an_entry_finds_the_same_whether_its_packages_were_imported_ahead_or_not(prepare, isolation):
    logs = []
    for imports in ("import pandas", "if True: import pandas"):
        with prepare(AROUND.format(imports=imports), isolation) as finish:
            done = finish()
        assert done.outcome == Outcome.SCORED, done
        logs.append(done.log.splitlines())
        assert done.environment["pandas"] and done.seconds["load"] > 0
    assert [lines[1] for lines in logs] == ["ahead: True", "ahead: False"]
    assert json.loads(logs[0][0]) == json.loads(logs[1][0])
    assert json.loads(logs[0][0])["sockets"] == []


# Leaves what it can for the next one, and looks for it, which waits at the same time.
BURGLAR = (
    """
import contextlib, os, pathlib, socket, tempfile

def leave(where):
    with contextlib.suppress(OSError): pathlib.Path(where, 'mark').write_text('x')

for where in ('/tmp', '/dev/shm', '/sandbox/given', os.path.dirname(os.getcwd())): leave(where)
if os.fork() == 0:
    hidden = socket.socket(socket.AF_UNIX); hidden.bind(chr(0) + {name!r}); hidden.listen()
    import time; time.sleep(600)
others = []
for pid in filter(str.isdigit, os.listdir('/proc')):
    with contextlib.suppress(OSError):
        words = pathlib.Path('/proc', pid, 'cmdline').read_bytes()
        if b'child.py' in words and int(pid) not in (os.getpid(), os.getppid()) and b'{name}' not in words:
            others.append(pid)
children = pathlib.Path(f'/proc/self/task/{{os.getpid()}}/children').read_text().split()
print('waiting:', bool(set(others) - set(children)))
"""
    + HONEST
)
HEIR = (
    """
import os, socket
found = [w for w in ('/tmp/mark', '/dev/shm/mark', '/sandbox/given/mark', '../mark') if os.path.exists(w)]
try:
    socket.socket(socket.AF_UNIX).connect(chr(0) + {name!r}); found.append('socket')
except OSError: pass
print('found:', found)
"""
    + HONEST
)


def test_an_entry_leaves_nothing_for_the_one_that_waits_beside_it(prepare, isolation):
    if isolation == "none":
        pytest.skip("without isolation it may")
    name = f"hemobench-{time.monotonic_ns()}"
    with prepare(BURGLAR.format(name=name), isolation) as first, prepare(HEIR.format(name=name), isolation) as second:
        done = first()
        assert (done.outcome, done.log) == ("scored", "waiting: False\n")
        done = second()
        assert (done.outcome, done.log) == ("scored", "found: []\n")


@pytest.mark.parametrize(
    "deed",
    [
        "for n in (-1, 1):\n            try: os.kill(n, 9)\n            except OSError: pass",
        "held = []\n        while True: held.append(np.ones(5_000_000))",
        "while True: os.fork()",
    ],
)
def test_whatever_an_entry_does_the_one_that_waits_beside_it_scores(prepare, isolation, deed):
    if isolation == "none":
        pytest.skip("without isolation it reaches every process")
    model = f"import os\nimport numpy as np\nclass Model:\n    def predict(self, X):\n        {deed}\n"
    with prepare(model, isolation, memory_mb=400, time_s=60) as first, prepare(isolation=isolation) as second:
        assert first().outcome not in (Outcome.SCORED, Outcome.TIMED_OUT)
        assert second().outcome == Outcome.SCORED


def test_the_clock_of_an_entry_begins_when_it_is_handed_over(prepare, monkeypatch, isolation):
    leap = [0.0]
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + leap[0]))
    with prepare(isolation=isolation, time_s=100) as finish:
        leap[0] += 86_400
        done = finish()
    assert (done.outcome, done.seconds["wall"] < 100) == (Outcome.SCORED, True)


def test_what_ends_while_it_imports_is_started_again_without(prepare, monkeypatch, isolation):
    build, asked = running.command, []

    def broken(*given, **named):
        asked.append(given[-1])
        built = build(*given, **named)
        return Command(["/bin/false"], built.environment) if given[-1] else built

    monkeypatch.setattr(running, "command", broken)
    with prepare("import pandas\n" + HONEST, isolation) as finish:
        assert finish().outcome == Outcome.SCORED
    assert asked == [("pandas",), ()]


def test_what_waits_ends_when_nobody_is_left_to_hand_anything_over(prepare, monkeypatch, isolation):
    made = []

    class Noted(watch.Waiting):
        def __init__(self, *words, **options):
            super().__init__(*words, **options)
            made.append(self)

    monkeypatch.setattr(running, "Waiting", Noted)
    with prepare(isolation=isolation):
        made[0].ours.close()
        assert made[0].tree.process.wait(120) != 0
