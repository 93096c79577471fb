"""Saved Keras models as their archives tell: which version wrote them, and what another version would not read.

Keras is not imported: a ``.keras`` file is a zip of JSON and weights, and the version in an HDF5 file is an attribute.
"""

from __future__ import annotations

import copy
import itertools
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HDF5_START = b"\x89HDF\r\n\x1a\n"
DIRECTORY_BYTES = 1_000_000  # of the archive's list of files; Keras writes three, and the assets
EPOCH = (1980, 1, 1, 0, 0, 0)
CONFIG_BYTES = 5_000_000  # of a config.json; DenseNet121, with 427 layers, has 0.4 million
TRIED = 20  # saved models looked at
PLACES = 5  # in one of them where its description may begin
SEARCHED_BYTES = 16_000_000  # of an HDF5 file, at its start and at its end, where Keras's attributes lie
# A variable-length string lies in a heap behind its length, 8 bytes, and is padded with zeros.
VERSION_IN_HDF5 = re.compile(rb"[\x05-\x14]\0{7}(\d{1,2}\.\d{1,2}\.\d{1,2}(?:[.\-]?[a-z]+\d*)?)\0")
KERAS_2_MODULES = ("tf_keras.", "keras.src.engine.", "keras.engine.")  # where Keras 3 has nothing
NETWORKS = ("Functional", "Sequential", "Model")
VERSION = re.compile(r"\d{1,4}(\.\d{1,6}){1,3}[\w.+-]{0,20}", re.ASCII)
GROWTH, GROWTH_FLOOR = 20, 100_000_000  # of an archive that is rewritten: weights hardly shrink, and a bomb does
# What the standard library raises at an archive that is damaged, encrypted or compressed in an unknown way.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, KeyError, RuntimeError),
)

Table = dict[str, dict[str, list[str] | None]]


@dataclass(frozen=True)
class Unknown:
    """A part of a saved model that a version of Keras does not know.

    Attributes
    ----------
    kind : str
        The class, ``layers.Dense``.
    arguments : tuple of str
        Those it does not take; empty where it does not know the class at all.
    idle : bool
        Whether all of them say no more than what that version does anyway, so that they can be left out.
    """

    kind: str
    arguments: tuple[str, ...] = ()
    idle: bool = False


@dataclass(frozen=True)
class Saved:
    """A saved model.

    Attributes
    ----------
    name : str
        Its file, relative to the submission.
    form : {'keras', 'hdf5'}
    version : str
        Of the Keras that wrote it; empty where it does not say.
    weights_alone : bool
        Whether it holds no network.
    own : tuple of str
        Classes that are not Keras's, and have to be registered before it is loaded.
    config : dict
        The network's description; empty where there is none, or where it cannot be read.
    damaged : str
    """

    name: str
    form: str
    version: str = ""
    weights_alone: bool = False
    own: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    damaged: str = ""

    @property
    def major(self) -> int:
        """The first number of the version; 0 where there is none."""
        return int(self.version.partition(".")[0]) if self.version else 0


def saved_models(folder: Path) -> Iterator[Saved]:
    """Yield the saved models below an unpacked submission, the first of many."""
    return itertools.islice(_saved_models(folder), TRIED)


def _saved_models(folder: Path) -> Iterator[Saved]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            start = file.read(8)
        if start.startswith(HDF5_START):
            yield read_hdf5(path, name)
        elif path.suffix == ".keras":
            yield read_keras(path, name)


def read_keras(path: Path, name: str) -> Saved:
    """Read version and description of a ``.keras`` archive."""
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(_member(archive, "metadata.json"))
            config = copy.deepcopy(json.loads(_member(archive, "config.json")))  # no deeper than Python can follow
    except DAMAGED as error:
        return Saved(name, "keras", damaged=reason(error))
    if not isinstance(metadata, dict) or not isinstance(config, dict):
        return Saved(name, "keras", damaged="its JSON holds no objects")
    version = str(metadata.get("keras_version", ""))
    return Saved(
        name, "keras", version if VERSION.fullmatch(version) else "", own=tuple(_own_classes(config)), config=config
    )


def reason(error: Exception) -> str:
    """Return what is wrong with a damaged archive, in words."""
    if isinstance(error, EOFError):
        return "It ends before the size that it states."
    return f"{type(error).__name__}: {error}"[:200]


def _check_directory(path: Path) -> None:
    """Refuse an archive whose directory, which `zipfile` reads whole, is far larger than that of any saved model."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - 42))
        tail = file.read()
    end = tail[-22:]
    if not end.startswith(b"PK\x05\x06") or tail[:-22].startswith(b"PK\x06\x07"):
        raise zipfile.BadZipFile("it does not end as a zip that Keras writes")
    if int.from_bytes(end[12:16], "little") > DIRECTORY_BYTES:
        raise zipfile.BadZipFile("it lists far more files than a saved model has")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        text = member.read(CONFIG_BYTES + 1)
    if len(text) > CONFIG_BYTES:
        raise ValueError(f"{name} has more than {CONFIG_BYTES / 1e6:.0f} MB")
    return text


def read_hdf5(path: Path, name: str) -> Saved:
    """Find version and description in an HDF5 file by searching its bytes.

    A parser of HDF5 is a large body of C that strangers' files are better kept from; the attributes stand in clear.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        content = file.read(SEARCHED_BYTES)
        if size > 2 * SEARCHED_BYTES:
            file.seek(-SEARCHED_BYTES, 2)
        content += file.read(SEARCHED_BYTES)
    found = VERSION_IN_HDF5.search(content) if b"keras_version" in content else None
    return Saved(
        name,
        "hdf5",
        found[1].decode() if found else "",
        weights_alone=b"model_config" not in content,
        config=_json_after(content, b"model_config"),
    )


def _json_after(content: bytes, word: bytes) -> dict[str, Any]:
    """Return the JSON object that begins soon after `word`; empty where there is none to be read.

    Examples
    --------
    >>> _json_after(b'model_config .. {"class_name": "Model"} rest', b"model_config")
    {'class_name': 'Model'}
    """
    for found in itertools.islice(re.finditer(rb'\{"(?:class_name|module)"', content), PLACES):
        text = content[found.start() : found.start() + CONFIG_BYTES].decode("latin-1")
        try:
            value = json.JSONDecoder().raw_decode(text)[0]
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and word in content:
            return value
    return {}


def objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yield all serialised objects in a description, each a dict with ``class_name`` and ``config``."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
                yield value
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _own_classes(config: Any) -> Iterator[str]:
    """Yield the classes that somebody registered, each once."""
    seen = set()
    for one in objects(config):
        registered, module = one.get("registered_name"), one.get("module")
        foreign = isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins", "tf_keras")
        name = str(registered or one["class_name"])
        if (foreign or (isinstance(registered, str) and ">" in registered)) and name not in seen:
            seen.add(name)
            yield name


def unknown_to(table: Table, config: Any) -> tuple[Unknown, ...]:
    """Return what a version of Keras would not read, each once.

    Parameters
    ----------
    table : dict
        What that version has, see `harness.doctor.fit.Target.table`.
    """
    found: dict[tuple[str, tuple[str, ...]], bool] = {}
    for one in objects(config):
        if unknown := _unknown(table, one):
            key = (unknown.kind, unknown.arguments)
            found[key] = found.get(key, True) and unknown.idle
    return tuple(Unknown(kind, arguments, idle) for (kind, arguments), idle in sorted(found.items()))


def _unknown(table: Table, one: dict[str, Any]) -> Unknown | None:
    # In HDF5 files layers stand without a module.
    module, name = one.get("module", "keras.layers"), one["class_name"]
    if isinstance(module, str) and module.startswith(KERAS_2_MODULES):
        return Unknown(f"{module}.{name}")
    classes = table.get(module) if isinstance(module, str) else None
    # Not Keras's own, of a module that is never saved, a mark of the format itself, or a whole network, whose class
    # makes of its arguments what it likes.
    if classes is None or name.startswith("__") or name in NETWORKS:
        return None
    kind = f"{module.removeprefix('keras').lstrip('.') or 'keras'}.{name}"
    if name not in classes:
        return Unknown(kind)
    known = classes[name]
    if known is None:
        return None
    missing = {key: value for key, value in one["config"].items() if key not in known}
    return Unknown(kind, tuple(sorted(missing)), _are_idle(missing)) if missing else None


def _are_idle(arguments: dict[str, Any]) -> bool:
    """Tell whether arguments ask for nothing: what is new in Keras is off unless it is asked for.

    Examples
    --------
    >>> _are_idle({"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99}), _are_idle({"momentum": 0.99})
    (True, False)
    """
    off = [key for key, value in arguments.items() if value is None or value is False]
    return all(key in off or key.startswith(tuple(f"{word}_" for word in off)) for key in arguments)


def without_unknown(table: Table, config: Any) -> Any:
    """Return a description without the arguments that a version of Keras does not take and that ask for nothing.

    Examples
    --------
    >>> table = {"keras.initializers": {"HeUniform": ["seed"]}}
    >>> new = {"module": "keras.initializers", "class_name": "HeUniform", "config": {"seed": None, "input_axes": None}}
    >>> without_unknown(table, new)["config"]
    {'seed': None}
    """
    kept = copy.deepcopy(config)
    for one in objects(kept):
        unknown = _unknown(table, one)
        for argument in unknown.arguments if unknown and unknown.idle else ():
            del one["config"][argument]
    return kept


def rewrite(path: Path, table: Table, version: str, repaired: Path) -> None:
    """Write a ``.keras`` file whose description a version of Keras reads; the weights are copied as they are.

    Raises
    ------
    BadZipFile and others of `DAMAGED`
        A member is damaged, or the archive is a bomb.
    """
    room = max(GROWTH_FLOOR, GROWTH * path.stat().st_size)
    changed = {
        "config.json": lambda config: without_unknown(table, config),
        "metadata.json": lambda metadata: {**metadata, "keras_version": version},
    }
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(repaired, "w", zipfile.ZIP_STORED) as target:
        for info in archive.infolist():
            with target.open(zipfile.ZipInfo(info.filename, EPOCH), "w") as to:
                if change := changed.get(info.filename):
                    to.write(json.dumps(change(json.loads(_member(archive, info.filename)))).encode())
                    continue
                with archive.open(info) as member:
                    while piece := member.read(1 << 20):
                        if (room := room - len(piece)) < 0:
                            raise zipfile.BadZipFile("it unpacks to far more than any saved model")
                        to.write(piece)
