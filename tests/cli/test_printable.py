"""No text of a contest file or of an entry's log steers a terminal, or is wider than it."""

import json
import sys
from types import SimpleNamespace

import msgspec
import pytest
from rich.cells import cell_len

from harness.cli import main
from harness.cli._view import entry_view, screen
from harness.cli._view.result import show_card
from harness.cli.codabench.rehearse import _show
from harness.contest import Contest
from harness.platforms.codabench.container import Ended
from harness.platforms.codabench.rehearse import Rehearsal, Step
from harness.score.card import ScoreCard

WHOLE = {
    "name": "mine",
    "title": "Zellen, 細胞 – “mine”",
    "version": 1,
    "class_names": ["näive [/b]", "リンパ球"],
    "image_shape": [96, 96, 3],
    "source": {"kind": "folder", "licence": "CC BY 4.0", "citation": "A. Müller, 2020"},
    "cleaning": {"near_duplicates": "group", "keep": ["a/1.png"], "drop": ["a/2.png"]},
    "metrics": [{"name": "accuracy", "direction": "maximize"}],
}
STEERING = ["\x1b[2J", "\x9b2J", "\u202egnp", "\u2066", "\n# a heading", "\r", "\x00", "\x7f"]


def places(value, path=()):
    """Yield the place of each text."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def with_text(place, text):
    changed = json.loads(json.dumps(WHOLE))
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] += text
    return changed


def as_toml(value) -> str:
    """Write it as an inline value of TOML, whose strings escape as JSON's do."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value).replace("\x7f", "\\u007f")


@pytest.fixture
def listed(tmp_path, monkeypatch, capsys):
    """Return a function that puts a contest file into a workspace, lists it, and gives exit code and what is shown."""

    def run(content):
        (tmp_path / "contests.d").mkdir(exist_ok=True)
        text = "".join(f"{json.dumps(key)} = {as_toml(value)}\n" for key, value in content.items())
        (tmp_path / "contests.d" / "mine.toml").write_text(text)
        monkeypatch.setattr(sys, "argv", ["hemobench", "contest", "list", "--workspace", str(tmp_path)])
        with pytest.raises(SystemExit) as done:
            main()
        return done.value.code, "".join(capsys.readouterr())

    return run


def steers(shown: str) -> set[str]:
    return {letter for letter in shown if not letter.isprintable() and letter != "\n"}


def test_letters_of_any_language_and_square_brackets_are_shown_as_they_are(listed):
    code, shown = listed(WHOLE)
    assert code == 0 and WHOLE["title"] in shown
    code, shown = listed(WHOLE | {"title": "[/b] :smile: [red]"})
    assert code == 0 and "[/b] :smile: [red]" in shown


@pytest.mark.parametrize("steering", STEERING, ids=ascii)
@pytest.mark.parametrize("place", list(places(WHOLE)), ids=lambda place: ".".join(map(str, place)))
def test_no_text_of_a_contest_file_steers_the_terminal(place, steering, listed):
    changed = with_text(place, steering)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(changed, Contest)
    code, shown = listed(changed)
    assert code == 1 and "mine.toml is not a contest file" in shown
    assert not steers(shown)


@pytest.mark.parametrize("key", ["\x1b[31m", "\u202e"])
def test_no_key_of_a_contest_file_does(key, listed):
    code, shown = listed(WHOLE | {key: 1})
    assert code == 1 and not steers(shown)


LOG = "\n".join(["x" * 300, "細胞" * 100, "a" + "\u0301" * 5000, "\x1b[31m" * 50, "short", "\t" * 60 + "end"])


@pytest.fixture(params=[40, 80, 100])
def width(request, monkeypatch):
    """Columns of a terminal."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.delitem(vars(screen), "console", raising=False)
    yield request.param
    vars(screen).pop("console", None)


def by_score() -> None:
    facts = {"contest": "c", "contest_version": 1, "lock": "", "zip_sha256": "", "zip_bytes": 1, "scorer": ""}
    show_card(ScoreCard(outcome="load_failed", message="m", hint="h", isolation="namespaces", log=LOG, **facts))


def by_rehearsal() -> None:
    ended = Ended("program", "python3 x", 1, 1.0, 1.0, LOG, "")
    step = Step("prediction", "Failed", "m", (ended,))
    _show(Rehearsal("phase", "task", "Failed", "m", {}, (step,), detailed_results=False))


def by_entry(monkeypatch) -> None:
    monkeypatch.setattr(entry_view, "_run", lambda facts: None)
    facts = SimpleNamespace(outcome="load_failed", why="m", hint="", last_log_lines=tuple(LOG.splitlines()))
    entry_view._why(facts)


@pytest.mark.parametrize("way", [by_score, by_rehearsal, by_entry])
def test_lines_of_a_log_are_cut_to_the_terminal(way, width, capsys, monkeypatch):
    way(monkeypatch) if way is by_entry else way()
    lines = [line for line in "".join(capsys.readouterr()).splitlines() if line.lstrip().startswith("|")]
    assert len(lines) == 6, "one line each, none broken"
    assert [cell_len(line) <= width and len(line) <= 4 * width + 20 for line in lines] == [True] * 6
    assert cell_len(lines[0]) == width and lines[0].endswith("…") and cell_len(lines[1]) >= width - 1
    assert lines[4].strip() == "| short" and not steers("".join(lines))
