"""Images that all good entries miss are found, shown to whom they may be, and relabelled with the effect known."""

import csv
import stat

import numpy as np
import pytest

from harness import api
from harness.score.evaluate import labels_of
from tests.conftest import CommandLine

PLANTED = {"val": 3, "public": 5, "private": 7}  # the row of each split that all entries call the next class


@pytest.fixture
def board(desk):
    """Three entries that have all images right but for one of each split, and the best one more of the public half."""
    truth = labels_of(desk.frozen)
    for number, spoilt in enumerate((4, 2, 0)):
        said = {split: y_true.copy() for split, (_, y_true) in truth.items()}
        for split, row in PLANTED.items():
            said[split][row] = (said[split][row] + 1) % 8
        said["public"][:spoilt] = (said["public"][:spoilt] + 1 + number) % 8
        desk.record(f"team {number}", number=number, said=said)
    return CommandLine(desk.workspace.path)


def written(board) -> list[dict[str, str]]:
    with (board.workspace / "hard" / "small" / "hard.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def id_of(board, split: str) -> str:
    folder = api.open_contest(board.workspace).folder
    with np.load(folder / ("public/val.npz" if split == "val" else "private/labels.npz")) as arrays:
        rows = arrays["ids"] if split == "val" else arrays["ids"][arrays["public"] == (split == "public")]
        return str(rows[PLANTED[split]])


def test_everybody_sees_validation_images_and_the_owner_hidden_ones_too(board):
    board("contest", "hard")
    assert [(row["split"], row["id"]) for row in written(board)] == [("val", id_of(board, "val"))]
    board("contest", "hard", "--reveal-private")
    found = {row["split"]: row for row in written(board)}
    assert {split: row["id"] for split, row in found.items()} == {split: id_of(board, split) for split in PLANTED}
    names = api.open_contest(board.workspace).contest.class_names
    for row in found.values():
        assert (row["entries"], row["relabel"]) == ("3", "")
        assert row["said"] == names[(names.index(row["class"]) + 1) % 8]
    folder = board.workspace / "hard" / "small"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "hard.png").stat().st_size > 1000
    assert api.verify(board.workspace) == []


def test_a_relabelling_is_told_in_points_and_ranks_before_it_is_done(board):
    board("contest", "hard", "--reveal-private")
    rows = written(board)
    for row in rows:
        row["relabel"] = row["said"]
    table = board.workspace / "mine.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    told = board("contest", "hard", "--reveal-private", "--relabel", table)
    n = {split: len(y_true) for split, (_, y_true) in labels_of(api.open_contest(board.workspace)).items()}
    for split in PLANTED:
        assert f"(+{100 / n[split]:.1f})" in told.stdout
    assert "100.00" in told.stdout
    assert "[cleaning.relabel]" in told.stderr
    assert f'"{id_of(board, "public")}" = ' in told.stderr
    # As everybody: nothing of hidden images, since which relabelling gains would tell their labels.
    told = board("contest", "hard", "--relabel", table)
    assert "public" not in told.stdout and "private" not in told.stdout
    assert "2 images of the table" in told.stderr


def test_a_table_with_a_class_that_is_none_is_refused(board, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("id,relabel\nsmear-00001,monocytes\n")
    assert "monocyte" in board("contest", "hard", "--relabel", table, code=2).stderr
    table.write_text("file,class\na,b\n")
    assert "no columns" in board("contest", "hard", "--relabel", table, code=2).stderr
