"""Reading an entry's Python: odd ways to write a good one are no faults, and no file is too odd to be read."""

import textwrap
from pathlib import Path

import pytest

from harness.doctor import static_checks
from harness.doctor.fit import find_target
from harness.doctor.repair import Plan
from harness.doctor.static_analysis import read_code

LOCAL = find_target("local")
GOOD = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"


def read(folder, model: str, target=LOCAL, **others: str):
    """Read an entry that holds these files."""
    for name, content in {"model.py": model, **others}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))
    files = frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return static_checks.read(folder, files, target, folder.parent / "repaired")


@pytest.mark.parametrize(
    "model",
    [
        GOOD,
        "from network import Model\n",
        "from network import *\n",
        "try:\n    import keras\nexcept ImportError:\n    keras = None\n" + GOOD,
        "try:\n    import no_such_package\nexcept ImportError:\n    pass\n" + GOOD,
        "if True:\n    class Model:\n        def predict(self, X): return [0] * len(X)\n",
        "class Base:\n    def predict(self, X): return [0] * len(X)\nclass Model(Base):\n    pass\n",
        "def predict(self, X): return [0] * len(X)\nclass Model:\n    predict = predict\n",
        "class Model:\n    def __init__(self, path='.', *more, size=3): pass\n    def predict(self, X, k=1): X\n",
        "import os\nclass Model:\n    def predict(self, X):\n        return os.path.join('weights', 'a.npz')\n",
        'class Model:\n    """Reads model.h5."""\n    def predict(self, X): return X\n',
        GOOD + "if __name__ == '__main__':\n    import no_such_package\n    open('/home/me/train.csv')\n",
        GOOD + "CACHE = '/tmp/cache.npy'\nLOG = 'Save it as result.csv, please'\n",
        "import network, weights.tools\n" + GOOD,
    ],
)
def test_a_good_entry_has_no_finding_however_it_is_written(model, tmp_path):
    reading = read(
        tmp_path / "entry", model, **{"weights/a.npz": "PK\3\4PK\5\6", "network.py": GOOD, "weights/tools.py": ""}
    )
    assert reading.findings == ()
    assert reading.plan == Plan()


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("get_ipython().run_line_magic('matplotlib', 'inline')\n", "line 1"),
        ("import os\nif os.sep:\n    get_ipython().system('pip install x')\n", "line 3"),
        ("%matplotlib inline\n!pip install torch\n", "line 1: %matplotlib inline; line 2: !pip install torch"),
        ("%%time\nimport os\nos?\n", "line 1: %%time; line 3: os?"),
        ("get_ipython().run_cell_magic(\n    'bash', '',\n    'ls')\n", "line 1"),
    ],
)
def test_lines_of_a_notebook_are_named_and_taken_out(lines, named, tmp_path):
    reading = read(tmp_path / "entry", lines + GOOD)
    (finding,) = reading.findings
    assert finding.code == "notebook-lines" and finding.fixable and not reading.hopeless
    assert named in finding.evidence
    ((name, repaired),) = reading.plan.files
    (tmp_path / "entry" / name).write_text(Path(repaired).read_text())
    assert read_code(tmp_path / "entry").model
    assert static_checks.read(tmp_path / "entry", frozenset({name}), LOCAL, tmp_path / "again").findings == ()


@pytest.mark.parametrize(
    "lines",
    [
        "try:\n    get_ipython().run_line_magic('matplotlib', 'inline')\nexcept NameError:\n    pass\n",
        "def show():\n    get_ipython().system('ls')\n",
        "get_ipython = None\n",
        "x = (7\n  % 3)\n",
    ],
)
def test_a_script_that_foresees_to_be_no_notebook_is_left_alone(lines, tmp_path):
    assert read(tmp_path / "entry", lines + GOOD).findings == ()


def test_a_script_in_another_encoding_is_saved_anew_and_a_notebook_is_not(tmp_path):
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "model.py").write_bytes(GOOD.encode("utf-16"))
    reading = static_checks.read(tmp_path / "entry", frozenset({"model.py"}), LOCAL, tmp_path / "repaired")
    assert "UTF-16" in reading.findings[0].title and not reading.hopeless
    assert Path(reading.plan.files[0][1]).read_text() == GOOD
    (tmp_path / "entry" / "model.py").write_text('{"cells": []}')
    reading = static_checks.read(tmp_path / "entry", frozenset({"model.py"}), LOCAL, tmp_path / "repaired")
    assert "notebook" in reading.findings[0].title and reading.hopeless


def test_weights_that_are_a_pointer_are_one_finding(tmp_path):
    pointer = "version https://git-lfs.github.com/spec/v1\n"
    (finding,) = read(tmp_path / "entry", GOOD, **{"weights.keras": pointer}).findings
    assert finding.title == "weights.keras is a Git-LFS pointer" and "git lfs pull" in finding.fix


def test_a_fault_in_a_module_of_the_entry_is_found_where_model_py_leads_to_it(tmp_path):
    reading = read(
        tmp_path / "entry",
        "from tools.net import Model\n",
        **{
            "tools/__init__.py": "",
            "tools/net.py": "from . import deep\n" + GOOD,
            "tools/deep.py": "import no_such_package\n",
            "unused.py": "import no_other_package\n",
        },
    )
    assert [finding.evidence for finding in reading.findings] == ["tools/deep.py, line 1: no_such_package"]


@pytest.mark.parametrize(
    "model",
    [
        "x = " + " + ".join(["1"] * 3000) + "\n",
        "x = " + "(" * 90 + "1" + ")" * 90 + "\n",
        "x = " + "[" * 500 + "]" * 500 + "\n",
        "x = '" + "a" * 3_000_000 + "'\n",
        "\0",
        "\ufeff# -*- coding: no-such-code -*-\n",
    ],
)
def test_no_file_is_too_odd_to_be_read(model, tmp_path):
    (tmp_path / "model.py").write_bytes((model + GOOD).encode())
    code = read_code(tmp_path)
    assert code.error or code.model


def test_syntax_that_the_python_of_the_target_lacks_is_told_and_the_rest_is_read_all_the_same(tmp_path):
    (tmp_path / "model.py").write_text("match 1:\n    case 1: pass\n" + GOOD)
    assert read_code(tmp_path, "3.9").too_new.startswith("line ")
    assert read_code(tmp_path, "3.9").model
    assert not read_code(tmp_path, "3.10").too_new


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("import keras\nlayer = keras.layers.RandAugment\n", "fail"),
        ("from keras.layers import RandAugment\n", "fail"),
        ("import tensorflow as tf\nlayer = tf.keras.layers.experimental\n", "fail"),
        ("def train():\n    import keras\n    return keras.layers.RandAugment()\n", "warning"),
        ("import numpy as np\nx = np.concat\n", "fail"),
        ("import numpy as np\nx = np.concatenate\n", ""),
        ("import keras\nlayer = keras.layers.Dense, keras.ops.relu, keras.__version__\n", ""),
        ("import tensorflow as tf\nlayer = tf.keras.applications.vgg16.preprocess_input\n", ""),
    ],
)
def test_names_that_the_versions_of_the_course_lack_are_found_in_the_code(code, severity, tmp_path):
    reading = read(tmp_path / "entry", code + GOOD, find_target("codabench-4430"))
    assert [str(finding.severity) for finding in reading.findings] == ([severity] if severity else [])
