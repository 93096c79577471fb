"""The command line: any words end in one of four exit codes, with words for people and never with a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import api
from harness.cli import hemobench, main
from harness.cli.group import verbs
from tests.fuzz.mutations import TEXT

# Verbs that train, download or run for minutes are left out; `submit` and `score` run a small entry for real.
VERBS = {"freeze", "verify", "pack", "score", "submit", "leaderboard", "show", "compare", "select"}
VERBS |= {"list", "close", "audit", "replay"}
AVAILABLE = [(words, command) for (_, *words), command in verbs(hemobench) if words[-1] in VERBS]
MODEL = "class Model:\n    def predict(self, X):\n        return [0] * len(X)\n"
# Not among them: the contests that draw thousands of images or download them.
CONTESTS = ["tiny", "blood-cells-folder", "blood-cells-an2dl", "mine.toml", "broken.toml", "folder", "Tiny", "."]
PATHS = [
    *("good.zip", "deep.zip", "bad.zip", "text.zip", "nothing.zip", "team", "folder", "folder/file", "broken.toml"),
    *(".", "..", "-", "", "out.zip", "new/out.zip", "folder/file/out.zip", "workspace", "team/model.py"),
]
# A shell hands on any bytes but NUL; those that are no UTF-8 arrive as lone surrogates.
BYTES = st.binary(min_size=1, max_size=6).map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"_"))
WORDS = TEXT | BYTES.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
NUMBERS = st.integers(-2, 3).map(str) | st.sampled_from(["1e9", "99999999999999999999", "0x1", "nan"])


def value_of(parameter: click.Parameter) -> st.SearchStrategy[str]:
    """Return likely and unlikely words for an option or argument."""
    if parameter.name == "contest":
        likely = st.sampled_from(CONTESTS)
    elif isinstance(parameter.type, click.Choice):
        likely = st.sampled_from(list(parameter.type.choices))
    elif isinstance(parameter.type, click.Path) or parameter.name in ("entry", "zip_path", "folder", "recipe"):
        likely = st.sampled_from(PATHS)
    elif parameter.type in (click.INT, click.FLOAT):
        likely = NUMBERS
    else:
        likely = st.sampled_from(["a name", "x" * 41, "x" * 201, "1", "[red]x[/red]", " ", "a\nb"])
    return st.one_of(likely, likely, likely, WORDS)


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    """Draw a verb, most of what it needs, some of what it takes, and words that it may not know."""
    verb, command = draw(st.sampled_from(AVAILABLE))
    words: list[str] = []
    for parameter in command.params:
        if draw(st.integers(0, 9)) >= (9 if parameter.required else 3):
            continue
        if isinstance(parameter, click.Option):
            words.append(draw(st.sampled_from(parameter.opts)))
        if not (isinstance(parameter, click.Option) and parameter.is_flag):
            words.append(draw(value_of(parameter)))
    if draw(st.integers(0, 4)) == 0:
        words.insert(
            draw(st.integers(0, len(words))), draw(WORDS | st.sampled_from(["--help", "--no-such", "-", "--"]))
        )
    if verb == ["freeze"]:  # the last one counts; without any it would draw the default contest's 4,000 images
        words += ["--contest", draw(st.sampled_from(CONTESTS) | WORDS.map(lambda word: f"{word}?"))]
    first = draw(st.sampled_from([[], [], [], [], ["--help"], ["--version"], ["-x"]]))
    return [*first, *verb, *words] if draw(st.integers(0, 29)) else [*words, *verb]


@pytest.fixture
def workspace(target, tiny_workspace, monkeypatch) -> Path:
    """The current folder is a place with good and bad files in it, and a workspace of its own."""
    place = target.folder / "a" / "place"
    (place / "folder").mkdir(parents=True)
    shutil.copytree(tiny_workspace, place / "workspace", symlinks=True)
    (place / "folder" / "file").write_bytes(b"text")
    (place / "text.zip").write_bytes(b"text")
    (place / "mine.toml").write_text('name = "mine"\n')
    (place / "broken.toml").write_bytes(b"\xff = [[[")
    (place / "team").mkdir()
    (place / "team" / "model.py").write_text(MODEL)
    for name, member, content in (
        ("good", "model.py", MODEL),
        ("deep", "team/Model.py", MODEL),
        ("bad", "model.py", "raise SystemExit(7)"),
    ):
        with zipfile.ZipFile(place / f"{name}.zip", "w") as archive:
            archive.writestr(member, content)
    monkeypatch.chdir(place)
    target.lasting.end()  # the next one starts in this folder, as that of a verb does
    monkeypatch.setenv("HEMOBENCH_WORKSPACE", "workspace")
    monkeypatch.setenv("COLUMNS", "80")
    return place / "workspace"


def run(words: list[str]) -> tuple[int, str, str]:
    """Run ``hemobench`` in this process, with streams that encode as those of a terminal; return code and output."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8", "strict")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    before = sys.argv
    sys.argv = ["hemobench", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as done:
        code = done.code
    finally:
        sys.argv = before
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    assert isinstance(code, int)
    return code, texts[0], texts[1]


@given(words=command_lines())
def test_any_words_end_in_an_exit_code_and_words_for_people(target, workspace, words):
    with target.case():
        code, out, err = run(words)
        assert code in (0, 1, 2, 130), code
        assert "Traceback (most recent call last)" not in err
        assert code == 0 or out.strip() or err.strip()
        if code == 0 and "--json" in words and not {"--help", "-h", "--version"} & set(words):
            json.loads(out)
        scratch = workspace / "scratch"
        assert not scratch.exists() or {path.name for path in scratch.iterdir()} <= {".lock"}
        assert not [path for path in workspace.parent.rglob("*") if path.name.endswith((".part", "-part"))]
    assert api.verify(workspace) == []


@given(words=st.lists(WORDS, max_size=4))
def test_words_without_sense_are_wrong_usage(target, workspace, words):
    with target.case():
        code, _, err = run(words)
        assert code in (0, 2)
        assert code == 0 or err.strip()


def test_what_strangers_named_cannot_steer_the_terminal(workspace, monkeypatch):
    """Colours are on, as on a terminal: then Click takes nothing out of what it prints."""
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    np.savez("evil.npz", **{"a\x1b[2J\u202e": np.zeros(3)})
    (workspace.parent / "team" / ".\x1b[2J\u202e").touch()
    code, _, err = run(["freeze", "--contest", "blood-cells-an2dl", "--source", "evil.npz"])
    assert code == 1
    packed, _, told = run(["pack", "team", "-o", "out.zip"])
    assert packed == 0
    for text in (err, told):
        assert r"\x1b[2J\u202e" in text
        assert "\x1b[2J" not in text
        assert "\u202e" not in text


def test_right_words_do_what_they_say(workspace):
    """The counterpart of the cases above."""
    assert run(["pack", "team", "-o", "out.zip"])[0] == 0
    assert run(["pack", "deep.zip", "--fix", "-o", "fixed.zip"])[0] == 0
    assert Path("out.zip").read_bytes() == Path("fixed.zip").read_bytes()
    code, out, _ = run(["score", "out.zip", "--json"])
    assert code == 0
    assert json.loads(out)["outcome"] == "scored"
    assert run(["submit", "out.zip", "-m", "first"])[0] == 0
    assert json.loads(run(["leaderboard", "--json"])[1])[0]["entry"] == "out"
    assert run(["submit", "bad.zip", "-m", "second"])[0] == 1
