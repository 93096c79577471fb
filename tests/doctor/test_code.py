"""Reading an entry's Python: odd ways to write a good one are no faults, and no file is too odd to be read."""

import textwrap

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
    reading = read(tmp_path / "entry", model, **{"weights/a.npz": "", "network.py": GOOD, "weights/tools.py": ""})
    assert reading.findings == ()
    assert reading.plan == Plan()


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
