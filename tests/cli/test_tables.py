"""Every table that a verb draws, at every width: each number whole, each row's name there, no line too long."""

import ast
import json
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from baselines.recipe import Recipe
from baselines.reproduce import terminal as reproduction
from baselines.reproduce.table import Summary as Reproduced
from baselines.tune import terminal as search
from baselines.tune.report import Summary as Searched
from baselines.tune.report import TrialRow
from harness import api
from harness.analysis.hard import Relabelled
from harness.analysis.ranks import RankRange
from harness.analysis.shakeup import Moved, ShakeUp
from harness.board.rescore import Rescore
from harness.board.rescored import Changed
from harness.cli import hemobench
from harness.cli._view import screen
from harness.cli.contest import close, hard, rescore
from harness.workspace import Workspace
from tests.conftest import ROOT
from tests.report.entries import Desk

WIDTHS = (40, 60, 80, 100, None)  # None: a pipe
LONG = "a name that is much longer than a line of eighty columns has room for, as a name may well be"
DRAWERS = {"table", "matrix", "shares", "gains", "_table"}  # of charts, screen and the reproduction
NUMBER = re.compile(r"[+−]?\d+(?:,\d{3})*(?:\.\d+)?(?:–\d+\.\d+)?")
SPLITS = ("val", "val_shifted", "public", "private")


@pytest.fixture(scope="module")
def desk(frozen_workspace, tmp_path_factory):
    made = Desk(Workspace(tmp_path_factory.mktemp("tables") / "a workspace"))
    shutil.copytree(frozen_workspace, made.workspace.path, symlinks=True)
    made.fill()
    made.record("sure", 0.9, number=8, sure=True)
    made.record(LONG, 0.6, number=11)
    made.record("perfect", 2.0, number=13)
    return made


@pytest.fixture(scope="module")
def majority(desk):
    """What `submit` and `score` come to; that is the same however wide the screen is."""
    submitted = api.submit(desk.workspace.path, "majority", "first")
    kept = next(desk.workspace.path.rglob(f"*{submitted.card.zip_sha256[:12]}*.zip"))
    return submitted, api.score(desk.workspace.path, kept, splits=SPLITS, reveal_private=True)


def share(value):
    return f"{100 * value:.2f}"


def ends(low, high):
    return f"{100 * low:.1f}–{100 * high:.1f}"


def estimate(found):
    return [share(found["value"]), ends(found["low"], found["high"])]


def of_card(card):
    told = [card["scores"][split]["n"] for split in SPLITS]
    for split in SPLITS:
        score = card["scores"][split]
        told += [part for one in (*score["metrics"].values(), *score["recall"].values()) for part in estimate(one)]
    names = [*card["scores"]["val"]["metrics"], *card["scores"]["val"]["recall"]]
    return told, [name.replace("_", " ") for name in names]


def of_board(rows):
    by = "private" if "private" in rows[0] else "public"
    rows = [row for row in rows if row["rank"]]
    told = [row[key] for row in rows for key in ("rank", "id")]
    told += [share(row[split]) for row in rows for split in ("val", "public", by)]
    told += [ends(row[f"{by}_low"], row[f"{by}_high"]) for row in rows]
    told += [f"{100 * row['gap']:+.1f}".replace("-", "−") for row in rows]
    return told, [row["entry"] for row in rows]


def of_entry(facts):
    told = [part for scores in facts["scores"].values() for one in scores.values() for part in estimate(one)]
    detail = facts["detail"]
    told += [n for row in detail["confusion"] for n in row if n]
    told += [f"{100 * tally[0] / tally[1]:.0f}" for row in detail["severities"] for tally in map(pair, row) if tally[1]]
    return told, [name.replace("_", " ") for name in (*facts["class_names"], *facts["families"]["names"])]


def pair(tally):
    return tally["hits"], tally["n"]


def of_versus(found):
    told = []
    for split in found["splits"].values():
        divided = split["divided"]
        told += [divided["n"], divided["gained"], divided["lost"]]
    told += [share(side["value"]) for of in found["splits"].values() for name, metric in of["metrics"].items()
             if name != "accuracy" for side in (metric["one"], metric["other"])]  # fmt: skip
    told += [f"{100 * group['difference']['value']:+.1f}".replace("-", "−") for group in found["classes"]]
    return told, [group["name"].replace("_", " ") for group in (*found["classes"], *found["families"])]


def of_contests(rows):
    return [row["version"] for row in rows], [text for row in rows for text in (row["name"], row["title"])]


def of_models(rows):
    shown = [row for row in rows if not row["report_of"]]
    told = [f"{row['parameters']:,}" for row in shown]
    told += [f"{row['reported'][key]:g}" for row in shown for key in ("val_accuracy", "hidden_accuracy")
             if row["reported"][key] is not None]  # fmt: skip
    told += [f"{100 * one[split]['value']:.1f}" for row in shown for one in row["expected"]
             if one["preset"] == "quick" for split in ("val", "public")]  # fmt: skip
    return told, [text for row in shown for text in (row["name"], row["description"])]


def of_reproduction(found):
    told = [f"{100 * row[split]['value']:.1f}" for row in found["rows"] for split in ("val", "hidden")]
    told += [
        f"{100 * part:.1f}" for result in found["optimizers"] for split in ("val", "hidden") for part in result[split]
    ]
    return told, [row["name"] for row in found["rows"]]


def of_relabelled(rows):
    told = [share(score) for row in rows for scores in (row["before"], row["after"]) for score in scores.values()]
    told += [f"{100 * (row['after'][split] - row['before'][split]):+.1f}" for row in rows for split in row["before"]]
    return told + [rank for row in rows for rank in row["ranks"]], [row["name"] for row in rows]


def of_grades(found):
    return [share(one["score"]["value"]) for one in found["grades"]], [one["name"] for one in found["grades"]]


@cache
def relabelled():
    return [
        Relabelled(7, "a team of long name", {"val": 0.9, "public": 0.8123}, {"val": 0.91, "public": 0.8234}, (2, 1)),
        Relabelled(12, "sure", {"val": 0.99, "public": 0.8133}, {"val": 1.0, "public": 0.8211}, (1, 2)),
    ]


def of_rescore(found):
    told = [share(score) for one in found["changed"] for score in one["score"] if score is not None]
    return told + [one["entry"] for one in found["changed"]], [one["name"] for one in found["changed"]]


@cache
def rescored():
    def line(entry, name, **facts):
        told = {"outcome": ("scored", "scored"), "how": "kept predictions", "why": ""}
        return Changed(entry=entry, name=name, **told | facts)

    return Rescore(
        contest="tiny", before="ab" * 32, lock="cd" * 32, why="three labels were wrong", receipt=None,
        differences=("3 hidden images of 1,113 have another label.",), rules={"time_s": 77}, by="private",
        metrics=("accuracy", "accuracy"),
        changed=(
            line(7, "a team of long name", score=(0.9, 0.9123), rank=(2, 1)),
            line(12, "sure", score=(0.99, 0.8), rank=(1, 2), outcome=("scored", "timed_out"), how="new run"),
            line(13, "gone", score=(0.7, None), rank=(3, None), how="not rescored", why="its zip is gone"),
        ),
    )  # fmt: skip


def of_shake_up(found):
    shaken, names, scores = found
    told = [number for one in shaken["moved"] for number in (one["now"], one["then"], one["id"])]
    return told + [share(score) for score in scores.values()], list(names.values())


@cache
def shaken_up():
    moved = (Moved(7, 12, 1, RankRange(1, 14), 0.87), Moved(12, 1, 2, None, None))
    shaken = ShakeUp(kendall=0.5, spearman=0.6, entries=2, drawn=1, drawn_kendall=0.4, moved=moved, curve=(),
                     regret=0.005, enough=None)  # fmt: skip
    return shaken, {7: "a team of long name", 12: "sure"}, {7: 0.8123, 12: 0.7}


def of_search(found):
    told = [share(row["val_accuracy"]) for row in found["trials"] if row["val_accuracy"]]
    told += [ends(*row["val_interval"]) for row in found["trials"] if row["val_interval"]]
    return told, [text for row in found["trials"] for text in (row["state"], *row["changes"])]


@cache
def searched():
    trials = [
        TrialRow(number=number, state=state, recipe=Recipe(epochs=12), run="r", ours=True, epochs=12,
                 val_accuracy=accuracy,
                 val_interval=(accuracy - 0.05, 1.0) if state == "complete" else None, val_n=1000,
                 changes=changes)
        for number, state, accuracy, changes in (
            (10, "complete", 0.99999, ("augment=mixup+augmix", "learning_rate=0.00123", "class_weights=true")),
            (9, "complete", 0.9012, ()),
            (2, "pruned", 0.3333, ("optimizer=lion",)),
        )
    ]  # fmt: skip
    counts = dict.fromkeys(("complete", "pruned", "failed", "repeated", "interrupted"), 1)
    return Searched(study="s", model="scratch-v2", contest="tiny", preset="quick", weights="none", seed=0,
                    start="the quick preset", fields=(), counts=counts, n_measured=3, trials=tuple(trials), best=None,
                    importances=None, why_no_importances="x", method="m", figure=None)  # fmt: skip


@cache
def reproduced():
    return msgspec.json.decode((ROOT / "docs" / "reproduction.json").read_bytes(), type=Reproduced)


VERBS: dict[str, tuple[Any, ...]] = {
    "leaderboard": (("leaderboard",), of_board),
    "leaderboard, private": (("leaderboard", "--reveal-private"), of_board),
    "show": (("show", "sure", "--full", "--reveal-private"), of_entry),
    "compare": (("compare", "sure", "perfect", "--full", "--reveal-private"), of_versus),
    "contests": (("contest", "list"), of_contests),
    "train": (("train", "--list"), of_models),
    "submit": (("submit", "majority", "-m", "first", "--reveal-private"), of_card),
    "score": (("score", "majority.zip", "--reveal-private", *(f"--split={split}" for split in SPLITS)), of_card),
    "class grades": (("class", "grades", "--scheme", "grades.toml"), of_grades),
    "contest rescore": (rescore.show, rescored, of_rescore),
    "contest close": (lambda found: close.show(*found), shaken_up, of_shake_up),
    "contest hard": (hard.show, relabelled, of_relabelled),
    "tune": (search.show, searched, of_search),
    "reproduce": (reproduction.show, reproduced, of_reproduction),
}


@pytest.fixture
def sites(monkeypatch):
    """The functions, by module and name, that have drawn a table."""
    found, table = set(), screen.table

    def noted(*words, **more):
        frame: FrameType | None = sys._getframe(1)
        while frame:
            found.add((frame.f_globals.get("__name__"), frame.f_code.co_name))
            frame = frame.f_back
        table(*words, **more)

    monkeypatch.setattr(screen, "table", noted)
    return found


@pytest.fixture
def drawn(desk, majority, monkeypatch, capsys, tmp_path):
    """Return what a verb writes to stdout on a screen of some width."""
    submitted, scored = majority
    monkeypatch.setattr(api, "submit", lambda *words, **more: submitted)
    monkeypatch.setattr(api, "score", lambda *words, **more: scored)
    monkeypatch.setenv("HEMOBENCH_WORKSPACE", str(desk.workspace.path))
    monkeypatch.chdir(tmp_path)
    Path("grades.toml").write_text("maximum = 30\n[score]\ngroups = [30, 20, 10]\n")

    def draw(name, width, *more):
        monkeypatch.delenv("COLUMNS", raising=False)
        if width:
            monkeypatch.setenv("COLUMNS", str(width))
        *call, _ = VERBS[name]
        if callable(call[0]):
            summary = call[1]()
            if more:
                return msgspec.json.encode(summary).decode()
            call[0](summary)
            return capsys.readouterr().out
        done = CliRunner().invoke(hemobench, [*call[0], *more])
        assert done.exit_code == 0, done.output
        return done.stdout

    return draw


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", VERBS)
def test_a_table_cuts_nothing_however_narrow_the_screen(drawn, name, width):
    shown = drawn(name, width)
    told, names = VERBS[name][-1](json.loads(drawn(name, width, "--json")))
    assert len(told) > 3 and names
    there = set(NUMBER.findall(shown))
    assert not {str(number) for number in told} - there
    assert "…" not in shown and "..." not in shown
    # A name may stand on several lines, others beside it; its words stay whole where they are not longer than a column.
    words = {word for name in names for word in re.split(r"[\s,]+", name) if len(word) <= screen.LEAST}
    assert words and not words - set(re.split(r"[\s,]+", shown))
    lines = shown.split("Recipe: ")[0].splitlines()
    if width:
        assert max(map(len, lines)) <= width
    else:
        for title in names:
            assert title in shown, "in a pipe it is on one line"


def test_every_place_that_draws_a_table_is_among_these_verbs(drawn, sites):
    for name in VERBS:
        drawn(name, 80)
    folders = [ROOT / "harness" / "cli", ROOT / "baselines" / "cli", ROOT / "baselines" / "tune"]
    found = set()
    for file in [*(file for folder in folders for file in folder.rglob("*.py")), Path(reproduction.__file__)]:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
                if {getattr(call, "attr", getattr(call, "id", "")) for call in calls} & DRAWERS:
                    found.add((module, function.name))
    assert len(found) > 12
    assert not found - sites


def test_tables_are_drawn_in_one_place():
    others = [
        str(file.relative_to(ROOT))
        for folder in ("harness", "baselines")
        for file in (ROOT / folder).rglob("*.py")
        if "rich.table" in file.read_text(encoding="utf-8")
    ]
    assert others == ["harness/cli/_view/screen.py"]


def columns_of(*rows, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    names = [screen.Column("name", key=True), *(screen.Column(f"n{at}", number=True) for at in range(len(rows[0]) - 1))]
    screen.table(names, rows)
    return capsys.readouterr().out


def test_a_word_longer_than_its_column_is_folded_and_a_number_wider_than_the_screen_is_not(monkeypatch, capsys):
    word, number = "".join(map(chr, range(97, 123))), "123456789012345"
    narrow = columns_of((word, number, "1"), width=20, monkeypatch=monkeypatch, capsys=capsys)
    assert narrow.count(number) == 1
    first, second = narrow.split("name")[1:]
    for part in (first, second):
        assert word in "".join(re.findall("[a-z]+", part.split("n", 1)[1]))


def test_on_a_wide_enough_screen_a_table_is_one_and_ends_without_blanks(monkeypatch, capsys):
    wide = columns_of(
        ("a", "100.00 96.6–100.0", "2"), ("bb", "3", "4"), width=30, monkeypatch=monkeypatch, capsys=capsys
    )
    assert wide.count("name") == 1
    assert all(line == line.rstrip() for line in wide.splitlines())


def test_markup_and_control_characters_in_a_cell_are_text(monkeypatch, capsys):
    shown = columns_of(("[red]a[/red]\x1b[31m", "1"), width=80, monkeypatch=monkeypatch, capsys=capsys)
    assert "[red]a[/red]\\x1b[31m" in shown


def test_a_message_breaks_between_words_on_a_terminal_and_nowhere_else(monkeypatch, capsys):
    digest, words = "0123456789abcdef" * 4, "the zip of entry 1 with the name " * 3
    monkeypatch.setenv("COLUMNS", "50")
    screen.message(f"Error: {words}{digest} --is-gone\x1b[31m")
    piped = capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    screen.message(f"Error: {words}{digest} --is-gone\x1b[31m")
    shown = capsys.readouterr().err
    assert piped.count("\n") == 1
    assert piped.split() == shown.split(), "the hash and the option stay whole"
    assert "\x1b" not in shown
    assert all(len(line) <= 50 for line in shown.splitlines() if digest not in line)
    assert len(shown.splitlines()) > 2
