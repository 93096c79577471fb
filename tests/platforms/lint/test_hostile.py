"""Bundles that are made to stop who reads them: each ends in findings or one sentence, for the linter and rehearsal."""

import os
import zipfile

import numpy as np
import pytest

from harness.errors import BundleError, UnreadableError
from harness.limited import Reader
from harness.platforms.codabench.bundle import Bundle, open_bundle
from harness.platforms.codabench.lint import DAMAGED, lint
from harness.platforms.codabench.metadata import command_fault, read_command
from harness.platforms.codabench.rehearse import parts_of
from harness.platforms.codabench.scores import leaderboard_cells
from tests.platforms.lint.cases import build, put, zip_of

MERGES = "a0: &a0 {k: 1, l: 2}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join(9 * [f'*a{n - 1}'])}], k{n}: 1}}\n" for n in range(1, 12)
)

LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    "text",
    [
        MERGES,
        "x: 0x" + "f" * 200_000,
        "x: " + "9" * 200_000,
        "x: " + "1:" * 30_000 + "1",
        "x: " + "1:" * 1000 + "1.5",
        "x: !!int ''",
        "x: !!int _",
        "x: !!bool y",
        "x: !!timestamp t",
        "x: 2026-02-31",
        "x: !!binary ä",
        "? [1, 2]\n: 3",
        "? {a: 1}\n: 3",
        "x: !" + "a" * 200_000 + " 1",
        "[" * 200_000,
        "- " * 100_000,
        "x: '" + "a" * 600_000 + "'",
        "x: &a [*a, *a]",
        "&a ? *a\n: *a",
        "\x00",
        "x: \ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
@pytest.mark.usefixtures("reads_in_one_process")
def test_a_configuration_that_is_made_to_stop_its_reader_is_refused_in_words(text, tmp_path):
    folder = build(tmp_path / "bundle")
    (folder / "competition.yaml").write_text(text)
    findings = lint(folder)
    assert findings
    assert findings[0].rule != DAMAGED
    assert all(len(one.evidence) < 700 and len(one.fix) < 700 for one in findings)
    with open_bundle(folder) as bundle, pytest.raises(BundleError) as caught:
        parts_of(bundle)
    assert caught.value.hint
    assert len(caught.value.message) < 800


@pytest.mark.parametrize("limit", [float("inf"), float("nan"), -1, 10**290, 0, 0.5, "1", True])
@pytest.mark.usefixtures("reads_in_one_process")
def test_a_time_limit_that_is_none_gets_a_number_of_seconds(limit, tmp_path):
    folder = build(tmp_path / "bundle", put("phases.0.execution_time_limit", limit))
    lint(folder)
    with open_bundle(folder) as bundle:
        assert 1 <= parts_of(bundle)[0].time_s <= 7 * 24 * 3600


@pytest.mark.usefixtures("reads_in_one_process")
def test_a_date_at_either_end_of_time_is_a_finding_at_most(tmp_path):
    for odd in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1" * 5000, "0001-01-01"):
        folder = build(tmp_path / odd[:30], put("phases.1.start", odd))
        assert all(one.rule != DAMAGED for one in lint(folder))


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("command: python3 'x", "No closing quotation"),
        ("command: python3 " + "x" * 400_000, "bytes"),
        ('command: "python3 \\0"', "character"),
        ('command: "python3 \\ud800"', "character"),
        ("command: ' '", "no program"),
        ("command: python3 x.py", ""),
    ],
)
@pytest.mark.usefixtures("reads_in_one_process")
def test_a_command_that_cannot_be_started_is_found(written, fault, tmp_path):
    folder = build(tmp_path / "bundle")
    path = folder / "scoring_program" / "metadata.yaml"
    path.write_text(written)
    assert fault in command_fault(read_command(path))
    rules = {one.rule for one in lint(folder)}
    assert ("R9" in rules) == bool(fault)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("scores.json", '{"accuracy": ' + "9" * 400 + "}", "no finite number"),
        ("scores.txt", "accuracy: " + "9" * 400, "more than 300 digits"),
        ("scores.txt", "accuracy: " + "9" * 5000, "not YAML"),
        ("scores.txt", "accuracy: 0x" + "f" * 5000, "more than 300 digits"),
        ("scores.json", '{"accuracy": ' + "9" * 5000 + "}", "Could not decode"),
        ("scores.json", '{"a":' * 90_000, "Could not decode"),
        ("scores.json", "[" * 90_000, "Could not decode"),
        ("scores.txt", LAUGHS, "alias"),
        ("scores.txt", MERGES, "no finite number"),
        ("scores.txt", "accuracy: &a [*a]", "alias"),
        ("scores.txt", "accuracy: .inf", "no finite number"),
        ("scores.txt", "x" * 600_000, "no plain file"),
        ("scores.txt", "accuracy: 2026-01-01", "no finite number"),
        ("scores.json", '{"accuracy": "' + "x" * 400_000 + '"}', "no finite number"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("reads_in_one_process")
def test_scores_that_are_made_to_stop_their_reader_are_no_scores(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    config = {"leaderboards": [{"columns": [{"key": "accuracy"}]}]}
    cells, notes = leaderboard_cells(Bundle(tmp_path, tmp_path, config), tmp_path)
    assert not any(cells.values())
    assert any(said in note for note in notes), notes
    assert all(len(note) < 700 for note in notes)
    (tmp_path / name).write_text('{"accuracy": 0.5}')
    assert leaderboard_cells(Bundle(tmp_path, tmp_path, config), tmp_path) == ({"accuracy": 0.5}, [])


@pytest.mark.parametrize("name", ["scores.json", "scores.txt"])
def test_scores_that_are_a_pipe_or_a_link_are_never_opened(name, tmp_path):
    os.mkfifo(tmp_path / name)
    bundle = Bundle(tmp_path, tmp_path, {"leaderboards": [{"columns": [{"key": "accuracy"}]}]})
    assert "no plain file" in leaderboard_cells(bundle, tmp_path)[1][0]
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    assert "no plain file" in leaderboard_cells(bundle, tmp_path)[1][0]


@pytest.mark.parametrize(
    "place",
    ["competition.yaml", "terms.md", "logo.png", "scoring_program/metadata.yaml", "scoring_program/scoring.py",
     "input_data/x.npy", "majority.zip"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["pipe", "link out", "loop", "folder"])
@pytest.mark.usefixtures("reads_in_one_process")
def test_no_special_file_of_a_bundle_s_folder_is_opened(place, kind, tmp_path):
    folder = build(tmp_path / "bundle")
    (folder / place).unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(folder / place)
        case "link out":
            (folder / place).symlink_to("/dev/zero")
        case "loop":
            (folder / place).symlink_to(".")
        case "folder":
            (folder / place).mkdir()
    findings = lint(folder)
    assert DAMAGED not in [one.rule for one in findings]
    assert kind == "folder" or "L5" in [one.rule for one in findings]
    with open_bundle(folder) as bundle:
        assert (bundle.fault != "") == (place == "competition.yaml")


def test_a_bundle_that_is_a_pipe_is_no_bundle(tmp_path):
    os.mkfifo(tmp_path / "bundle.zip")
    (finding,) = lint(tmp_path / "bundle.zip")
    assert finding.rule == DAMAGED
    with pytest.raises(BundleError), open_bundle(tmp_path / "bundle.zip"):
        pass


def test_what_a_bundle_may_inflate_to_has_a_small_bound(tmp_path):
    folder = build(tmp_path / "bundle")
    with zipfile.ZipFile(tmp_path / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        for n in range(3):
            bomb.writestr(f"zeros{n}", bytes(80_000_000))
    assert (tmp_path / "zeros.zip").stat().st_size < 2_400_000
    (finding,) = lint(tmp_path / "zeros.zip")
    assert finding.rule == DAMAGED
    assert "more than 1" in finding.evidence, "a hundred MB, or fifty times the zip"
    (tmp_path / "zeros.zip").rename(folder / "majority.zip")
    assert [one.rule for one in lint(folder)] == ["R1"]


def test_an_array_that_holds_no_labels_is_not_read_into_memory(tmp_path):
    def change(config, folder):
        np.lib.format.open_memmap(folder / "input_data" / "images.npy", "w+", np.uint8, (12_300, 300, 300))

    assert lint(build(tmp_path / "bundle", change)) == []


def test_a_zip_too_deep_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "deep.zip", "w") as deep:
        deep.writestr("a/" * 1500 + "x", "x")
    (finding,) = lint(tmp_path / "deep.zip")
    assert "folders in one another" in finding.evidence
    assert lint(zip_of(build(tmp_path / "bundle"), tmp_path / "bundle.zip")) == []


@pytest.mark.parametrize("end", ["fault", "time"])
def test_a_fault_of_ours_is_no_finding_about_the_bundle(end, tmp_path, monkeypatch):
    def fail(*words):
        raise UnreadableError("It cannot be read.", end=end)

    monkeypatch.setattr(Reader, "call", fail)
    if end == "fault":
        with pytest.raises(UnreadableError):
            lint(tmp_path)
    else:
        assert [one.rule for one in lint(tmp_path)] == [DAMAGED]
