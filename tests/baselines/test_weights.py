"""Weights are found in a fixed order, named truthfully, and their absence is bounded in time."""

import hashlib
import http.server
import re
import threading

import pytest

from baselines import weights
from baselines.build import build_model
from baselines.entries import find
from baselines.weights import Pretrained, Weights, find_weights
from harness.errors import TrainError, UsageError

CONTENT = b"as if it were weights" * 1000


class Host(http.server.BaseHTTPRequestHandler):
    """Serves one file whole, one cut, and of one says nothing until the test is over."""

    over = threading.Event()

    def do_GET(self):
        if self.path == "/silent.h5":
            self.over.wait(300)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/whole.h5" else CONTENT[:99])

    def log_message(self, *words):
        pass


@pytest.fixture
def host():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        Host.over.clear()
        yield f"http://127.0.0.1:{server.server_port}"
        Host.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("HEMOBENCH_WEIGHTS", raising=False)
    monkeypatch.setattr(weights, "PATIENCE_S", 0.5)


def pretrained(url):
    return Pretrained("vgg16", url, hashlib.md5(CONTENT).hexdigest(), 1, "CC BY 4.0")


def test_the_download_is_kept_in_keras_cache_and_not_fetched_twice(host, tmp_path):
    found = find_weights("vgg16", pretrained(f"{host}/whole.h5"), "auto")
    assert found.label == "imagenet"
    assert found.path == tmp_path / "keras" / "models" / "whole.h5"
    gone = pretrained("http://127.0.0.1:9/whole.h5")
    assert find_weights("vgg16", gone, "imagenet").path == found.path


@pytest.mark.parametrize(("page", "why"), [("silent.h5", "timed out|no answer within"), ("cut.h5", "MD5")])
def test_without_a_good_download_auto_starts_from_nothing_and_imagenet_is_an_error(host, page, why, tmp_path):
    assert find_weights("vgg16", pretrained(f"{host}/{page}"), "auto").label == "none"
    with pytest.raises(TrainError, match="cannot be downloaded") as raised:
        find_weights("vgg16", pretrained(f"{host}/{page}"), "imagenet")
    assert "--weights PATH" in raised.value.hint
    assert re.search(why, raised.value.message)
    assert not list((tmp_path / "keras").rglob("*.h5"))


def test_a_folder_of_weights_comes_before_the_cache(host, tmp_path, monkeypatch):
    file = tmp_path / "vgg16_notop.weights.h5"
    file.write_bytes(b"mine")
    monkeypatch.setenv("HEMOBENCH_WEIGHTS", str(tmp_path))
    found = find_weights("vgg16", pretrained(f"{host}/whole.h5"), "auto")
    assert (found.path, found.label) == (file, f"sha256:{hashlib.sha256(b'mine').hexdigest()[:12]}")


def test_a_file_that_is_not_there_is_an_error_and_one_that_is_there_is_taken(tmp_path):
    row = find("vgg16").pretrained
    with pytest.raises(TrainError, match="There is no weights file"):
        find_weights("vgg16", row, str(tmp_path / "a.weights.h5"))
    (tmp_path / "a.weights.h5").write_bytes(CONTENT)
    assert find_weights("vgg16", row, str(tmp_path / "a.weights.h5")).path == tmp_path / "a.weights.h5"


def test_a_model_without_pretrained_weights_refuses_them_and_accepts_none():
    with pytest.raises(UsageError, match="no effect"):
        find_weights("scratch-v1", None, "imagenet")
    assert find_weights("scratch-v1", None, "none") == find_weights("scratch-v1", None, "auto")


def test_weights_of_another_model_are_an_error_and_half_precision_ones_of_the_same_are_loaded(tmp_path, tiny_job):
    import keras
    import numpy as np

    def save(name, dtype, build):
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(dtype)
        try:
            model = build()
        finally:
            keras.config.set_dtype_policy(policy)
        model.save_weights(tmp_path / name)
        return model, Weights("sha256:0", tmp_path / name)

    half, right = save("half.weights.h5", "float16", lambda: keras.applications.VGG16(include_top=False, weights=None))
    loaded = build_model(tiny_job("vgg16", weights=right))
    kernel = loaded.get_layer("block5_conv3").kernel
    assert kernel.dtype == "float32"
    np.testing.assert_array_equal(kernel, np.asarray(half.get_layer("block5_conv3").kernel, np.float32))

    _, other = save("other.weights.h5", "float32", lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    (tmp_path / "text.weights.h5").write_text("no weights at all")
    for wrong in (other, Weights("sha256:0", tmp_path / "text.weights.h5")):
        with pytest.raises(TrainError, match="holds no weights of vgg16"):
            build_model(tiny_job("vgg16", weights=wrong))
