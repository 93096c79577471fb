"""What the archives of saved models tell, held against what Keras itself did with them.

The files in ``keras2`` were saved by Keras 2.17 (``tf_keras``).  Keras 3.4.1 and 3.15.1, each tried, both loaded
``sequential.keras`` and ``convolution.h5``, and refused ``functional.keras`` (3.15.1: "Could not locate class
'Functional'") and ``depthwise.h5`` ("Unrecognized keyword arguments passed to DepthwiseConv2D: {'groups': 1}").
"""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.doctor.findings import Severity
from harness.doctor.fit import find_target
from harness.doctor.saved_models import read_keras, rewrite, saved_models, unknown_to
from harness.doctor.static_analysis import Code
from harness.doctor.versions import check_saved

KERAS_2 = Path(__file__).parent / "keras2"
COURSE = find_target("codabench-4430")


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("sequential.keras", ""),
        ("convolution.h5", ""),
        ("functional.keras", "tf_keras.src.engine.functional.Functional"),
        ("depthwise.h5", "layers.DepthwiseConv2D groups"),
    ],
)
def test_of_what_keras_2_saved_only_that_is_called_unreadable_which_keras_3_did_not_read(name, unknown, tmp_path):
    shutil.copy(KERAS_2 / name, tmp_path)
    (saved,) = saved_models(tmp_path)
    assert saved.version == "2.17.0"
    assert not saved.damaged and not saved.own and not saved.weights_alone
    (finding,), repaired = check_saved(saved, Code(), COURSE, tmp_path, tmp_path / "repaired")
    assert finding.code == "saved-keras-2"
    assert finding.severity is (Severity.FAIL if unknown else Severity.NOTE)
    assert unknown in finding.evidence
    assert repaired == ()


def archive(path: Path, config: object, version: str = "3.15.1") -> Path:
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("metadata.json", json.dumps({"keras_version": version}))
        made.writestr("config.json", json.dumps(config))
        made.writestr("model.weights.h5", b"weights")
    return path


def dense(**config: object) -> dict:
    return {"module": "keras.layers", "class_name": "Dense", "config": {"units": 8, **config}, "registered_name": None}


@pytest.mark.parametrize(
    ("config", "arguments", "idle"),
    [
        (dense(), None, True),
        (dense(quantization_config=None), ("quantization_config",), True),
        (dense(quantization_config={"class_name": "Int8"}), ("quantization_config",), False),
        ({**dense(), "class_name": "NoSuchLayer"}, (), False),
        ({**dense(anything=1), "module": "team", "registered_name": "team>Dense"}, None, True),
    ],
)
def test_what_a_version_does_not_know_can_be_left_out_only_where_it_asks_for_nothing(config, arguments, idle, tmp_path):
    found = unknown_to(COURSE.table(), read_keras(archive(tmp_path / "a.keras", config), "a.keras").config)
    assert [one.arguments for one in found] == ([] if arguments is None else [arguments])
    assert all(one.idle == idle for one in found)


def test_a_rewritten_file_keeps_its_weights_and_all_that_is_known(tmp_path):
    path = archive(tmp_path / "a.keras", {"layers": [dense(quantization_config=None, use_bias=False)]})
    rewrite(path, COURSE.table(), "3.4.1", tmp_path / "b.keras")
    saved = read_keras(tmp_path / "b.keras", "b.keras")
    assert saved.version == "3.4.1"
    assert saved.config == {"layers": [dense(use_bias=False)]}
    with zipfile.ZipFile(tmp_path / "b.keras") as made:
        assert made.read("model.weights.h5") == b"weights"


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06" + b"\0" * 18],
)
def test_a_damaged_file_is_named_and_never_a_traceback(content, tmp_path):
    (tmp_path / "model.keras").write_bytes(content)
    (saved,) = saved_models(tmp_path)
    findings, _ = check_saved(saved, Code(), COURSE, tmp_path, tmp_path / "repaired")
    assert saved.damaged or saved.form == "hdf5"
    assert [one.code for one in findings] == (["saved-damaged"] if saved.damaged else [])


def test_a_config_that_is_a_bomb_is_not_inflated(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("metadata.json", "{}")
        made.writestr("config.json", b" " * 50_000_000 + b"{}")
    assert "more than 5 MB" in read_keras(tmp_path / "model.keras", "model.keras").damaged


@pytest.mark.slow
def test_the_keras_that_is_installed_reads_a_rewritten_file_and_answers_the_same(kitchen, tmp_path):
    source = kitchen.keras_files() / "tiny.keras"
    rewrite(source, COURSE.table(), "3.4.1", tmp_path / "old.keras")
    code = (
        "import sys, keras, numpy as np\n"
        "one, other = (keras.saving.load_model(path, compile=False) for path in sys.argv[1:])\n"
        "X = np.random.default_rng(0).uniform(0, 255, (4, 96, 96, 3))\n"
        "np.testing.assert_array_equal(one.predict_on_batch(X), other.predict_on_batch(X))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, source, tmp_path / "old.keras"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
