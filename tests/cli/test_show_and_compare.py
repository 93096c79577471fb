"""`show` and `compare` on a screen, in a pipe, and as JSON."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys

import msgspec
import pytest

from harness.analysis.entry import EntryFacts, see_entry
from harness.analysis.pair import PairComparison
from harness.analysis.preview import METHODS
from harness.cli._view.bars import bar, columns
from harness.workspace import Workspace
from tests.conftest import ROOT, CommandLine
from tests.report.entries import Desk

LONG = "a name that is much longer than a line of eighty columns has room for, as a name may well be"


@pytest.fixture(scope="module")
def desk(frozen_workspace, tmp_path_factory):
    """A board with all kinds of entries; to be read, not written."""
    made = Desk(Workspace(tmp_path_factory.mktemp("board") / "a workspace"))
    shutil.copytree(frozen_workspace, made.workspace.path, symlinks=True)
    made.fill()
    made.record("sure", 0.9, number=8, sure=True, recipe="abc", seed_of_recipe=1)
    made.record("sure", 0.8, number=9, sure=True, recipe="abc", seed_of_recipe=2)
    made.record("sure", 0.8, number=10, withheld=True)
    made.record(LONG, 0.6, number=11, message=LONG * 2)
    made.record("[red]mark[/red]", 0.6, number=12, message="[bold]up[/bold]")
    return made


@pytest.fixture
def run(desk):
    return CommandLine(desk.workspace.path)


def squeezed(text):
    return " ".join(text.split())


def screens(run, *words):
    """The least and the most that a person may be shown of these words."""
    for more in ((), ("--full", "--reveal-private")):
        yield run(*words, *more).stdout


@pytest.mark.parametrize("number", [1, 8, 9, 11, 12, 13])
def test_show_fits_80_columns_and_its_short_form_60_lines(run, number):
    short, full = screens(run, "show", number)
    for shown in (short, full):
        assert max(map(len, shown.splitlines())) <= 80
        assert "\x1b" not in shown
        assert f"hemobench ledger replay {number}" in shown
    assert len(short.splitlines()) <= 60


@pytest.mark.parametrize("pair", [(1, 2), (9, 10), (11, 12), (12, 13)])
def test_compare_fits_80_columns(run, pair):
    for shown in screens(run, "compare", *pair):
        assert max(map(len, shown.splitlines())) <= 80
        assert "\x1b" not in shown


def test_show_says_what_is_known(run, desk):
    facts = see_entry(desk.workspace, desk.frozen, "9")
    shown = run("show", 9).stdout
    told = squeezed(shown)
    assert f"Rank {facts.rank} of 11 by accuracy on the public half; chance leaves ranks {facts.ranks} open" in told
    for split, title in (("val", "val"), ("val_shifted", "shifted val"), ("public", "public")):
        score = facts.scores[split]["accuracy"]
        assert re.search(rf"^{title} +{score.n} +{100 * score.value:.2f} ", shown, re.MULTILINE)
    most = facts.confusions[0]
    assert f"{most.true} taken for {most.said}: {most.n} of {most.of}".replace("_", " ") in told
    assert f"ECE) {100 * facts.detail.calibration['public'].ece:.1f} points" in told
    assert "Predicted public accuracy on the day it came, %; measured" in told
    assert METHODS["misses"] in told
    assert f"All 2 seeds of its recipe on the public half: {100 * facts.seeds['public'].mean:.2f} ±" in told
    assert "There are 2 other entries of this name." in told
    assert "this one has the best public score" in squeezed(run("show", "sure").stdout)


def test_full_adds_severities_every_class_and_the_confusion_matrix(run, desk):
    short, full = run("show", 1).stdout, run("show", 1, "--full").stdout
    facts = see_entry(desk.workspace, desk.frozen, "1")
    for title in ("By severity", "Found of each class", "Confusions"):
        assert title in full and title not in short
    row = next(line for line in full.splitlines() if line.startswith("7 neutrophil")).split()
    assert [int(cell.replace("·", "0")) for cell in row[2:]] == list(facts.detail.confusion[6])


def test_an_entry_without_a_score_shows_why(run):
    shown = run("show", "broken").stdout
    assert "Not scored, load_failed: model.h5 <b>is missing</b>." in shown
    assert "By class" not in shown


def test_a_withheld_entry_shows_no_public_score(run):
    shown = run("show", 11).stdout
    assert "the Ladder withholds its public score" in squeezed(shown)
    assert not re.search(r"^ ?public ", shown, re.MULTILINE)
    compared = run("compare", 11, 10).stdout
    assert "the public half is not compared" in compared
    assert not re.search(r"^ ?public ", compared, re.MULTILINE)
    assert "on shifted validation" in squeezed(compared.split("\nA: ")[0])


def test_names_are_text_and_no_markup(run):
    shown = run("show", 13).stdout
    assert "Entry 13: [red]mark[/red]" in shown and "“[bold]up[/bold]”" in shown
    assert "[red]mark[/red]" in run("compare", 13, 1).stdout


def test_compare_says_first_who_is_better(run):
    found = json.loads(run("compare", 2, 5, "--json").stdout)
    (decided,) = [of for split, of in found["splits"].items() if split == found["by"]]
    assert found["better"] == "one" and decided["p"] < 0.001
    difference = decided["divided"]["difference"]
    first = f"+{100 * difference['value']:.1f} points ({100 * difference['low']:.1f} to {100 * difference['high']:.1f})"
    for words, better in (
        (("2", "5"), "A is significantly better than B"),
        (("5", "2"), "B is significantly better than A"),
    ):
        shown = run("compare", *words).stdout
        assert squeezed(shown).startswith(f"{better} on the public half: {first}, p < 0.001.")
    assert squeezed(run("compare", 2, 3).stdout).startswith(
        "A and B are not significantly different on the public half: "
    )


def test_json_is_the_typed_document(run):
    facts = msgspec.json.decode(run("show", 9, "--json").stdout, type=EntryFacts)
    assert (facts.id, facts.name, facts.private_told) == (9, "sure", False)
    found = msgspec.json.decode(run("compare", 9, "team 1", "--json").stdout, type=PairComparison)
    assert (found.one.id, found.other.id, found.private_told) == (9, 2, False)
    revealed = run("show", 9, "--json", "--reveal-private")
    assert msgspec.json.decode(revealed.stdout, type=EntryFacts).by == "private"
    assert "private" not in json.loads(run("show", 9, "--json").stdout)["scores"]


def test_what_is_mistyped_is_told_in_one_sentence(run):
    missing = run("show", "team 11", code=2)
    assert missing.stdout == "" and "Did you mean team 1" in missing.stderr
    assert "both entry 2" in run("compare", 2, "team 1", code=2).stderr
    assert "was not scored" in run("compare", 2, "broken", code=2).stderr
    assert "hemobench freeze" in run("show", 1, "--contest", "blood-cells", code=1).stderr


def spoken(run, *words, **environment):
    """What is written where stdout carries no more than ASCII."""
    command = [sys.executable, "-m", "harness.cli", *map(str, words)]
    done = subprocess.run(command, env=run.environment() | environment, cwd=ROOT, capture_output=True, check=True)
    return done.stdout


def test_where_stdout_carries_ascii_alone_bars_are_of_ascii(run):
    for words in (("show", 9, "--full"), ("show", 9), ("compare", 2, 5)):
        shown = spoken(run, *words, PYTHONIOENCODING="ascii").decode("ascii")
        assert "##" in shown and "==" in shown and "--" in shown
        assert "?" not in shown.replace("as it says?", ""), "every letter has its stand-in"
        assert max(map(len, shown.splitlines())) <= 80


def on_a_terminal(run, *words, **environment):
    """What is written to a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "harness.cli", *map(str, words)]
    kept = {name: value for name, value in run.environment().items() if name != "NO_COLOR"}
    with subprocess.Popen(
        command, env=kept | {"TERM": "xterm-256color"} | environment, cwd=ROOT, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while chunk := os.read(ours, 65536):
                said += chunk
        except OSError:  # the other end was closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return said.decode()


def test_colour_is_for_terminals_that_want_it(run):
    for words in (("show", 9), ("compare", 2, 5)):
        assert "\x1b[36m" in on_a_terminal(run, *words)
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]", on_a_terminal(run, *words, NO_COLOR="1"))


def test_neither_verb_loads_a_model_library(desk):
    for words in (["show", "9"], ["compare", "2", "5"]):
        code = (
            f"import harness.cli, sys\nsys.argv = {['hemobench', *words, '--workspace', str(desk.workspace.path)]}\n"
            "try:\n    harness.cli.main()\nexcept SystemExit as done:\n    assert not done.code\n"
            "print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
        loaded = set(done.stdout.splitlines()[-1].split())
        assert not loaded & {"keras", "tensorflow", "torch", "jax", "pandas", "sklearn", "matplotlib"}


def test_a_bar_is_as_long_as_its_value():
    for hundredths in range(0, 101, 5):
        share = hundredths / 100
        assert bar(share, share, share, width=20).count("█") + bar(share, share, share, width=20).count("▓") == round(
            20 * share + 1e-9
        )
    assert bar(0.0, 0.0, 0.0, width=4) == "    "
    assert bar(0.5, -1, 2, width=4, ends=(-1, 1)) == "░░│▓░"


def test_columns_rise_with_their_shares():
    assert columns([0, 1]) == "▁█"
    drawn = columns([share / 100 for share in range(101)])
    assert sorted(drawn) == list(drawn)
