"""What is parsed in a process of its own: Python, saved models, bundles, scores, folders with special files."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.contest import FolderSource
from harness.doctor import static_checks
from harness.doctor.fit import find_target
from harness.doctor.repair import zip_of
from harness.errors import BundleError, PackError
from harness.limited import read
from harness.pack import pack
from harness.platforms.codabench.bundle import Bundle, open_bundle
from harness.platforms.codabench.lint import lint
from harness.platforms.codabench.metadata import command_fault, read_command
from harness.platforms.codabench.rehearse import parts_of
from harness.platforms.codabench.scores import leaderboard_cells
from harness.sources import folder as folder_source
from tests.fuzz.mutations import TEXT, damaged, other_document, values
from tests.platforms.lint.cases import build, sound

GOOD = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"
TARGETS = [find_target(name) for name in ("local", "codabench-4430")]
MANY = st.sampled_from([1, 2, 50, 300, 3000, 30_000, 150_000])
# What is said again and again, around what.
NESTED = [
    *(("-", "1", ""), ("(", "1", ")"), ("[", "", "]"), ("{", "", "}"), ("not ", "x", ""), ("lambda: ", "x", "")),
    *(
        ("", "x", ".a"),
        ("", "x", "()"),
        ("", "x", "[0]"),
        ("", "x", ".a()"),
        ("x if y else ", "x", ""),
        ("1+", "1", ""),
    ),
    *(("f'{", "x", "}'"), ("*", "x", ""), ("await ", "x", ""), ("x:=", "1", ""), ("x=", "1", ""), ("'a'", "", "")),
    *(("@a\n", "class C: pass", ""), ("if x: pass\nel", "if x: pass", ""), ("import ", "a", ".a"), ("from ", ".", "a")),
    *(("import a", "", ".a"), ("from .", "a import b", ""), ("import m", "", "\n"), ("open('a.npz')\n", "", "")),
    *(("keras.layers.A\n", "", ""), ("try:\n pass\nexcept x:\n pass\n", "", ""), ("class C: pass\n", "", "")),
    *(
        ("#", "", ""),
        ("\\\n", "x", ""),
        ("\t", "x", ""),
        ("9", "", ""),
        ("0x", "f", "f"),
        ("'''", "", ""),
        ("a,", "", ""),
    ),
]
LINES = [
    *("import keras", "from keras import *", "import __main__", "from . import x", "from .... import y", "import a.b"),
    *("x = keras.layers.Nope", "np.load('w.npz')", "open('/app/program/w.h5')", "open(b'x')", "del Model", "Model = 1"),
    *("class model: pass", "class Model(Base): pass", "def Model(): pass", "    x", "\f", "\0", "# coding: utf-7"),
    *("# coding: latin-1", "if __name__ == '__main__': import z", "async def f(): await x", "match x:\n case 1: pass"),
    *("\ufeffx = 1", "x = '\ud83d\ude00'", "x = '\\ud800.npz'", "print 'x'", "type X = int", "def f[T](): pass"),
]


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    """Build a program of likely and unlikely lines, some of which say one thing many thousand times."""
    lines = []
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            before, inner, after = draw(st.sampled_from(NESTED))
            n = draw(MANY)
            lines.append(draw(st.sampled_from(["", "x = ", "    "])) + before * n + inner + after * n)
        else:
            lines.append(draw(st.sampled_from(LINES) | TEXT))
    lines.insert(
        draw(st.integers(0, len(lines))), draw(st.sampled_from([GOOD, GOOD, GOOD, "", GOOD.replace("M", "m")]))
    )
    text = "\n".join(lines)
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-16", "latin-1", "utf-8-sig"]))
    content = text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
    return draw(st.just(content) | damaged(content, most=2))


def reading(folder: Path, target: int) -> static_checks.Reading:
    files = frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder.parent / "saved", ignore_errors=True)
    return read("The submission", static_checks.read, folder, files, TARGETS[target], folder.parent / "saved")


def entry(target, **files: bytes) -> Path:
    folder = target.fresh() / "team"
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder


@given(source=sources(), other=sources(), where=st.integers(0, 1))
def test_any_program_is_read_or_named(target, source, other, where):
    folder = entry(target, model_py=source, a_py=other)
    with target.case():
        found = reading(folder, where).findings
        assert all(one.title and len(one.title) < 700 and len(one.evidence) < 700 for one in found)


@given(source=sources())
def test_any_program_is_packed_or_refused(target, source):
    folder = entry(target, model_py=source)
    with target.case(PackError):
        assert pack(folder, target.folder / "a.zip").members == ("model.py",)


CONFIG = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 8, "new": None}, "registered_name": None}
CONFIGS = json.dumps({"class_name": "Sequential", "config": {"layers": [CONFIG, CONFIG | {"module": "mine"}]}}).encode()
VERSIONS = st.sampled_from(
    ['"3.15.1"', '"2.17.0"', '"' + "9" * 5000 + '.1"', '"²."', "7", "null", "[]", '"3.' + "1" * 99]
)


@st.composite
def keras_files(draw: st.DrawFn) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in draw(st.lists(st.sampled_from(["metadata.json", "config.json", "w.h5"]), max_size=4)) or [
            *("metadata.json", "config.json", "w.h5")
        ]:
            deep = st.integers(100, 90_000).map(lambda n: b'{"a":' * n)
            content = {
                "metadata.json": draw(VERSIONS).join(('{"keras_version": ', "}")).encode(),
                "config.json": draw(st.just(CONFIGS) | other_document(CONFIGS) | deep),
                "w.h5": draw(st.sampled_from([b"weights", bytes(300_000)])),
            }[name]
            info = zipfile.ZipInfo(name)
            info.compress_type = draw(st.sampled_from([0, 0, 8, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
            archive.writestr(info, content)
    return draw(st.just(buffer.getvalue()) | damaged(buffer.getvalue()))


HDF5 = b"\x89HDF\r\n\x1a\n" + b"keras_version\x06" + bytes(7) + b"3.15.1\0" + b"model_config" + CONFIGS


@given(content=keras_files(), weights=damaged(HDF5, keep=8), where=st.integers(0, 1))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_saved_model_is_read_or_named(target, content, weights, where):
    folder = entry(target, model_py=GOOD.encode(), net_keras=content, w_h5=weights)
    with target.case():
        found = reading(folder, where).findings
        assert all(one.title and len(one.evidence) < 700 for one in found)


ODD = [
    *("!!int ''", "!!int _", "!!bool y", "!!timestamp t", "!!binary ä", "!!set {a, b}", "!!omap [a: 1]", "!!float x"),
    *("&a [*a]", "*b", "<<: 1", "? [1]\n: 2", "1:" * 300 + "1", "1:" * 300 + "1.5", "0x" + "f" * 5000, "9" * 5000),
    *(".inf", ".nan", "-.inf", "2026-02-31", "2026-01-01T00:00:00+99:00", "0001-01-01T00:00:00+14:00", "[" * 3000),
    *(
        "{a: " * 3000,
        "- " * 3000,
        "'" + "x" * 60_000 + "'",
        "!python/object:os.system x",
        "\0",
        "\x85",
        "|\n x",
        "~",
        "=",
        "<<",
    ),
]


@st.composite
def yaml_texts(draw: st.DrawFn, document: object) -> bytes:
    """Write a document as YAML after changing it, put odd values into it, and damage the text."""
    changed = draw(other_document(json.dumps(document).encode()) | st.just(json.dumps(document).encode()))
    try:
        text = yaml.safe_dump(json.loads(changed))
    except (ValueError, RecursionError, yaml.YAMLError):
        return changed
    for _ in range(draw(st.integers(0, 2))):
        lines = text.splitlines() or [""]
        place = draw(st.integers(0, len(lines) - 1))
        key = lines[place].partition(":")[0]
        lines[place] = draw(st.sampled_from(["{key}: {odd}", "{odd}", "x: {odd}"])).format(
            key=key, odd=draw(st.sampled_from(ODD))
        )
        text = "\n".join(lines)
    content = text.encode("utf-8", "surrogatepass")
    return draw(st.just(content) | damaged(content, most=2))


@pytest.fixture(scope="module")
def whole_bundle(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("whole") / "bundle")


def bundle_of(target, whole: Path) -> Path:
    folder = target.fresh() / "bundle"
    shutil.copytree(whole, folder)
    return folder


COMMANDS = st.sampled_from(
    [
        *("python3 'x", "x y && z", "x" * 400_000, " ", "\0", "\ud800", "'", "python3 " + "a/" * 2000 + "x.py"),
        *("/app/x " * 9000, '"', "\\", "$program $input", "-c", "python3 x.py"),
    ]
) | TEXT  # fmt: skip


@given(data=st.data())
def test_any_bundle_is_linted_and_opened_in_words(target, whole_bundle, data):
    folder = bundle_of(target, whole_bundle)
    document = json.loads(json.dumps(sound(), default=str))
    (folder / "competition.yaml").write_bytes(data.draw(yaml_texts(document)))
    if data.draw(st.booleans()):
        command = json.dumps({"command": data.draw(COMMANDS)})
        text = data.draw(st.just(command.encode()) | yaml_texts({"command": "python3 x.py"}))
        (folder / "scoring_program" / "metadata.yaml").write_bytes(text)
    with target.case():
        findings = lint(folder)
        assert all(one.evidence and len(one.evidence) < 700 and len(one.fix) < 700 for one in findings)
        assert not any("that is a fault of Hemobench" in one.fix.casefold() for one in findings)
        with open_bundle(folder) as bundle:
            assert all(part.time_s >= 1 for part in parts_of(bundle))


@given(data=st.data())
def test_any_zip_of_a_bundle_is_linted_in_words(target, whole_bundle, data):
    folder = bundle_of(target, whole_bundle)
    path = target.folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted(folder.rglob("*")):
            archive.write(one, one.relative_to(folder))
    path.write_bytes(data.draw(damaged(path.read_bytes(), most=6)))
    with target.case():
        assert all(one.evidence for one in lint(path))


@given(command=COMMANDS, text=yaml_texts({"command": "python3 x.py"}))
def test_any_metadata_holds_a_command_or_none(target, command, text):
    for content in (json.dumps({"command": command}).encode(), text):
        path = target.fresh() / "metadata"
        path.write_bytes(content)
        with target.case():
            assert isinstance(command_fault(read_command(path)), str)


@given(
    name=st.sampled_from(["scores.json", "scores.txt"]),
    data=st.data(),
    scores=st.dictionaries(st.sampled_from(["accuracy", "x"]) | TEXT, values(), max_size=3),
)
def test_any_scores_are_numbers_or_none(target, name, data, scores):
    output = target.fresh() / "output"
    output.mkdir()
    try:
        text = json.dumps(scores).encode()
    except ValueError:
        text = b"{}"
    content = data.draw(st.just(text) | damaged(text) | yaml_texts({"accuracy": 0.5, "macro_f1": 1}))
    (output / name).write_bytes(content)
    config = {"leaderboards": [{"columns": [{"key": "accuracy"}, {"key": "macro_f1"}]}]}
    with target.case():
        cells, notes = leaderboard_cells(Bundle(output, output, config), output)
        assert all(value is None or abs(value) < float("inf") for value in cells.values())
        assert all(len(note) < 2000 and "fault of" not in note for note in notes)


PLACES = [
    "model.py",
    "a",
    "a/b",
    "disc/x.png",
    "square/y.png",
    "disc",
    "metadata.yaml",
    "competition.yaml",
    "ö/ü",
    "a/c.keras",
]
KINDS = ["file", "file", "pipe", "nowhere", "out", "up", "itself", "zero", "folder", "inside"]


def put(root: Path, place: str, kind: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "file":
            path.write_text(GOOD)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            to = {"out": "/etc/hostname", "up": "..", "itself": path.name, "zero": "/dev/zero", "inside": "model.py"}
            path.symlink_to(to.get(kind, "nothing"))


@given(things=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(KINDS)), max_size=6))
def test_nothing_special_in_a_folder_is_opened(target, things):
    root = target.fresh() / "root"
    root.mkdir()
    for place, kind in things:
        if os.path.lexists(root / place):  # a pipe there would be waited for by this test itself
            continue
        try:
            put(root, place, kind)
        except OSError:  # a file where a folder is to be
            continue
    steps = (
        lambda: pack(root, target.folder / "a.zip"),
        lambda: zip_of(root, target.folder / "b.zip"),
        lambda: lint(root),
        lambda: folder_source.load(FolderSource(resize=True), root, ("disc", "square"), (6, 6, 3)),
    )
    for step in steps:
        with target.case(BundleError):
            step()
    if (target.folder / "a.zip").exists():
        with zipfile.ZipFile(target.folder / "a.zip") as archive:
            assert all(not archive.read(name).startswith(b"\0") for name in archive.namelist())
