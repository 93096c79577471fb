"""Leaderboards and their columns."""

from __future__ import annotations

from collections import Counter
from typing import Any

from harness.errors import did_you_mean
from harness.platforms.codabench.bundle import Bundle
from harness.platforms.codabench.rule import Found, Severity, name_of, rule, shown, text_fault

SUBMISSION_RULES = (
    "Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Latest_Multiple", "Force_Best"
)  # fmt: skip
COMPUTATIONS = ("sum", "avg", "min", "max")
PRECISION = 4  # below it, differences of one image in a few thousand are not seen


def _boards(bundle: Bundle) -> list[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Return each leaderboard with what to call it and its columns."""
    found = []
    for place, board in enumerate(bundle.items("leaderboards")):
        listed = board.get("columns")
        columns = [column for column in listed if isinstance(column, dict)] if isinstance(listed, list) else []
        found.append((f"board {name_of(board, place)}", board, columns))
    return found


def _columns(bundle: Bundle) -> list[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Return each column with what to call it and all columns of its board."""
    return [
        (f"{what}, column {name_of(column, position)}", column, columns)
        for what, _, columns in _boards(bundle)
        for position, column in enumerate(columns)
    ]


@rule("B1", Severity.REFUSED, "there are no leaderboards", "Could not find leaderboards in the competition yaml")
def leaderboards(bundle: Bundle) -> Found:
    found = bundle.config.get("leaderboards")
    if found is None and "leaderboard" in bundle.config:
        yield "the key is leaderboard", "write leaderboards, in the plural; version 2 reads no other"
    elif not isinstance(found, list) or not found:
        yield (
            f"leaderboards is {'missing' if found is None else repr(found)}",
            (
                "add one: leaderboards: [{title: Results, key: results, columns: "
                "[{title: Accuracy, key: accuracy, index: 0}]}]"
            ),
        )


@rule("B2", Severity.REFUSED, "a leaderboard has no columns", "columns: This list may not be empty.")
def columns(bundle: Bundle) -> Found:
    for what, board, _ in _boards(bundle):
        if not isinstance(board.get("columns"), list) or not board["columns"]:
            yield f"{what}", "add: columns: [{title: Accuracy, key: accuracy, index: 0}]"


@rule(
    "B3",
    Severity.REFUSED,
    "title or key of a leaderboard is missing or too long",
    "Ensure this field has no more than 64 / 36 characters.",
)
def board_names(bundle: Bundle) -> Found:
    for what, board, _ in _boards(bundle):
        for key, longest in (("title", 64), ("key", 36)):
            if fault := text_fault(board.get(key), longest):
                yield (
                    f"{what}: {key} {fault}",
                    f"give it a {key} of at most {longest} characters",
                )


@rule("B4", Severity.FAILS, "primary_index is no column's index", "The leaderboard's page ends with an error.")
def primary_index(bundle: Bundle) -> Found:
    for what, board, columns in _boards(bundle):
        indexes = [column.get("index") for column in columns]
        primary = board.get("primary_index", 0)
        if indexes and primary not in indexes:
            said = "is not given, so it is 0" if "primary_index" not in board else f"is {primary!r}"
            yield f"{what}: primary_index {said}; indexes are {shown(indexes)}", f"write primary_index: {indexes[0]}"


@rule(
    "B5",
    Severity.REFUSED,
    "title, key or index of a column is missing or too long",
    "Ensure this field has no more than 36 characters.",
)
def column_names(bundle: Bundle) -> Found:
    for what, column, _ in _columns(bundle):
        for key in ("title", "key"):
            if fault := text_fault(column.get(key), 36):
                yield f"{what}: {key} {fault}", f"give it a {key} of at most 36 characters"
        if not isinstance(column.get("index"), int) or isinstance(column.get("index"), bool):
            yield f"{what}: index is {column.get('index')!r}", "number the columns: index: 0, 1, 2 …"


@rule("B6", Severity.REFUSED, "two columns have one key or one index", "The set of key / index must be unique.")
def doubled_column(bundle: Bundle) -> Found:
    for what, _, columns in _boards(bundle):
        for key in ("key", "index"):
            counts = Counter(str(column[key]) for column in columns if key in column)
            for value, n in counts.items():
                if n > 1:
                    yield f"{what}: {n} columns have {key} {value}", f"give each a {key} of its own"


@rule(
    "B7",
    Severity.REFUSED,
    "submission_rule is misspelt",
    "The page says Unpacking, and goes on saying so.",
)
def submission_rule(bundle: Bundle) -> Found:
    for what, board, _ in _boards(bundle):
        if "submission_rule" in board and board["submission_rule"] not in SUBMISSION_RULES:
            word = str(board["submission_rule"])
            plain = word.replace(" ", "_").replace("-", "_").casefold()
            same = [one for one in SUBMISSION_RULES if one.casefold() == plain]
            yield f"{what}: {word!r}", f"write {same[0]}" if same else did_you_mean(word, SUBMISSION_RULES)


@rule(
    "B8", Severity.SILENT, "nothing appears on the board by itself", "Each participant must add a submission by hand."
)
def added_by_hand(bundle: Bundle) -> Found:
    for what, board, _ in _boards(bundle):
        word = board.get("submission_rule", "Add")
        if word in SUBMISSION_RULES[:3]:
            said = "there is no submission_rule, so it is Add" if "submission_rule" not in board else str(word)
            yield (
                f"{what}: {said}",
                "write submission_rule: Force_Best or Force_Last, unless meant",
            )


@rule(
    "B9",
    Severity.SILENT,
    "the board shows too few digits",
    "The default of 2 hides differences below 0.01, by which it still ranks.",
)
def precision(bundle: Bundle) -> Found:
    for what, column, _ in _columns(bundle):
        value = column.get("precision")
        if value is None or (isinstance(value, int) and value < PRECISION):
            yield (
                f"{what}: precision {'is not given, so it is 2' if value is None else f'is {value}'}",
                ("write precision: 4, or up to 6"),
            )


@rule("B10", Severity.REFUSED, "sorting is neither asc nor desc", '"…" is not a valid choice.')
def sorting(bundle: Bundle) -> Found:
    for what, column, _ in _columns(bundle):
        if column.get("sorting", "desc") not in ("asc", "desc"):
            yield f"{what}: sorting is {column['sorting']!r}", "write desc where larger is better, asc where smaller is"


@rule(
    "B11",
    Severity.REFUSED,
    "a computed column is not complete",
    "computation needs computation_indexes, of other columns.",
)
def computation(bundle: Bundle) -> Found:
    for what, column, columns in _columns(bundle):
        kind, indexes = column.get("computation"), column.get("computation_indexes")
        known = [other.get("index") for other in columns if other is not column]
        if kind is not None and kind not in COMPUTATIONS:
            yield f"{what}: computation is {kind!r}", f"write one of {shown(COMPUTATIONS)}"
        if (kind is None) != (indexes is None):
            yield f"{what}: only one of computation and computation_indexes", "give both, or neither"
        elif indexes is not None and not isinstance(indexes, list):
            yield f"{what}: computation_indexes is {indexes!r}", "write a list of indexes"
        elif bad := [index for index in indexes or [] if index not in known]:
            yield f"{what}: computation_indexes names {shown(bad)}", f"name other columns: {shown(known)}"


@rule("B12", Severity.SILENT, "only the first leaderboard counts", "It is attached to all phases, the others to none.")
def more_boards(bundle: Bundle) -> Found:
    boards = bundle.items("leaderboards")
    if len(boards) > 1:
        yield f"{len(boards)} leaderboards", "put all columns into the first"
