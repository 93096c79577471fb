"""Contest files: any TOML is a contest or an error with its place, and what is a contest can be listed and frozen."""

from __future__ import annotations

import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import api
from harness.contest import SHIPPED, Contest, FolderSource, read_contest
from harness.errors import ContestError
from harness.freeze.store import freeze
from harness.workspace import Workspace
from tests.fuzz.mutations import DEEP, TEXT, damaged, values

TEXTS = [path.read_bytes() for path in sorted(SHIPPED.glob("*.toml"))]
SHARE = st.sampled_from([0, 0.01, 0.08, 0.2, 0.5, 0.9, 0.99, 1])
SEED = st.integers(-3, 3) | st.sampled_from([2**31, 2**62, -(2**63)])
# What each field may hold; some of it still makes no contest together.
FIELDS: dict[str, dict[str, st.SearchStrategy]] = {
    "cleaning": {
        "mass_copies": st.integers(2, 300),
        "near_bits": st.integers(0, 256),
        "near_difference": st.sampled_from([0, 12, 1e300]),
        "near_duplicates": st.sampled_from(["group", "drop"]),
        "outlier_factor": st.sampled_from([1e-300, 0.1, 1, 20, 1e300]),
        "blank_contrast": st.sampled_from([0, 4, 40, 1e300]),
        "keep": st.lists(st.integers(0, 170).map(lambda n: f"smear-{n:05d}"), max_size=3),
        "drop": st.lists(st.integers(0, 170).map(lambda n: f"smear-{n:05d}"), max_size=3),
    },
    "split": {"hidden": SHARE, "val": SHARE, "public": SHARE, "seed": SEED},
    "shift": {
        "clean": SHARE,
        "chain": st.lists(st.integers(1, 4), max_size=5),
        "severities": st.lists(st.integers(1, 5), max_size=6),
        "seed": SEED,
    },
}


@st.composite
def toml(draw: st.DrawFn) -> bytes:
    """Change lines of a shipped contest file, then damage its bytes."""
    lines = draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        key = lines[place].partition(b"=")[0]
        match draw(st.sampled_from(["drop", "double", "value", "insert", "deep"])):
            case "drop":
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "value":
                lines[place] = (
                    key + b"= " + draw(values().map(lambda value: repr(value).encode()) | TEXT.map(str.encode))
                )
            case "insert":
                lines.insert(place, draw(TEXT).encode() + b" = 1")
            case "deep":
                lines[place] = key + b"= " + b"[" * draw(DEEP)
        if not lines:
            break
    text = b"\n".join(lines)
    return draw(st.just(text) | damaged(text))


@given(content=toml())
def test_any_contest_file_is_a_contest_or_an_error_with_words(target, content):
    path = target.folder / "mine.toml"
    path.write_bytes(content)
    with target.case():
        assert read_contest(path).n_classes >= 2


@given(content=toml())
def test_any_file_beside_the_contests_of_a_workspace_is_listed_or_refused(target, content):
    workspace = Workspace(target.folder)
    workspace.own_contests.mkdir(exist_ok=True)
    (workspace.own_contests / "mine.toml").write_bytes(content)
    with target.case():
        assert len(api.contests(target.folder)) == len(TEXTS) + 1


@st.composite
def contests(draw: st.DrawFn) -> dict[str, object]:
    """Draw a contest whose sections hold likely and unlikely values."""
    contest = msgspec.to_builtins(read_contest(SHIPPED / "blood-cells.toml"))
    contest |= {"image_shape": [24, 24, 3], "source": msgspec.to_builtins(FolderSource())}
    for _ in range(draw(st.integers(1, 4))):
        section = draw(st.sampled_from(sorted(FIELDS)))
        field = draw(st.sampled_from(sorted(FIELDS[section])))
        contest[section][field] = draw(FIELDS[section][field] if draw(st.integers(0, 9)) else values())
    return contest


@given(document=contests())
def test_any_contest_that_can_be_read_can_be_frozen_or_says_why_not(target, few_images, document):
    target.fresh()
    with target.case(msgspec.ValidationError):
        contest = msgspec.convert(document, Contest)
        frozen = freeze(Workspace(target.folder), contest, few_images)
        assert api.verify(target.folder) == []
        assert sum(frozen.lock.counts["train"].values()) > 0


def test_a_contest_file_that_is_a_pipe_is_not_waited_for(tmp_path):
    pipe = tmp_path / "contest.toml"
    os.mkfifo(pipe)
    with pytest.raises(ContestError, match="no plain file"):
        read_contest(pipe)
