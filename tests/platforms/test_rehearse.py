"""The exported bundle, rehearsed: the same scores as at home, failures that say why, and nothing for a thief."""

import io
import json
import socket
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.errors import BundleError
from harness.pack import pack
from harness.platforms.codabench.lint import lint
from harness.platforms.codabench.programs import scoring
from harness.score.card import score_split
from harness.score.evaluate import evaluate, labels_of
from tests.platforms.lint.cases import zip_of

pytestmark = pytest.mark.usefixtures("reads_in_one_process")


def metrics_of(evaluation, split):
    return {name: repr(estimate.value) for name, estimate in evaluation.card.scores[split].metrics.items()}


@pytest.mark.parametrize(
    "name", ["nearest-centroid", *(pytest.param(name, marks=pytest.mark.slow) for name in ("majority", "random"))]
)
def test_the_same_zip_scores_the_same_here_and_there(name, bundle, frozen, rehearsed, tmp_path):
    zip_path = bundle / "sample_submissions" / f"{name}.zip"
    if name == "random":
        zip_path = pack(Path("submissions/random"), tmp_path / "random.zip").path
    here = evaluate(frozen, zip_path, scratch=tmp_path / "here", splits=("public", "private"))
    for phase, split in (("Development", "public"), ("Final", "private")):
        there = rehearsed(bundle.with_name("course.zip"), zip_path, phase)
        assert there.scored and there.status == "Finished"
        primary = metrics_of(here, split)["accuracy"]
        assert {key: repr(value) for key, value in there.scores.items()} == {"accuracy": primary}
        assert (tmp_path / "kept" / "scores.json").read_text() == f'{{"accuracy": {primary}}}\n'
        assert not [note for step in there.steps for note in step.notes]


def test_intervals_on_the_server_are_those_at_home(bundle, frozen):
    rng = np.random.default_rng(5)
    contest = json.loads((bundle / "scoring_program" / "contest.json").read_text())
    for split in ("public", "private"):
        y_true = labels_of(frozen)[split][1]
        y_pred = np.where(rng.random(len(y_true)) < 0.7, y_true, rng.integers(0, 8, len(y_true)))
        here = score_split(frozen.contest, y_true, y_pred)
        _, there = scoring.score(contest, y_true, y_pred)
        assert there == {name: (one.value, one.low, one.high) for name, one in here.metrics.items()}
        assert list(there) == list(here.metrics)


def test_detailed_results_are_one_file_that_needs_no_other(bundle, rehearsed, tmp_path):
    assert rehearsed(bundle, bundle / "sample_submissions" / "nearest-centroid.zip").detailed_results
    page = (tmp_path / "kept" / "detailed_results.html").read_text(encoding="utf-8")
    assert "immature granulocyte" in page and "Confusion" in page and "95 % interval" in page
    assert not any(word in page for word in ("http://", "https://", "src=", "<script", "<link", "url("))


@pytest.mark.parametrize(
    ("model", "files", "said"),
    [
        ("import tensorflow_nowhere\n", {}, ("import_failed", "tensorflow_nowhere")),
        ("class model: ...\n", {}, ("import_failed", "no name Model")),
        (
            "class Model:\n    def __init__(self): open('model.keras')\n",
            {},
            ("load_failed", "Paths are relative"),
        ),
        (
            "class Model:\n    def predict(self, X): return X[:, 0, 0] * 1.0\n",
            {},
            ("bad_output", "one label per image"),
        ),
        (
            "class Model:\n    def predict(self, X): import os; os._exit(0)\n",
            {},
            ("predict_failed", "without an answer"),
        ),
        (
            "class Model:\n    def predict(self, X): import os; os.kill(os.getpid(), 9)\n",
            {},
            ("killed", "SIGKILL"),
        ),
        ("", {"mine/model.py": "class Model: ..."}, ("refused", "cd mine &&")),
        ("", {"Model.py": "class Model: ..."}, ("refused", "it holds Model.py")),
    ],
)  # fmt: skip
def test_an_entry_that_fails_is_told_why_by_the_scorer_and_has_no_score(
    model, files, said, bundle, entry, rehearsed, tmp_path
):
    found = rehearsed(bundle, entry(model, files))
    assert (found.status, found.scores) == ("Failed", {})
    prediction, last = found.steps
    assert prediction.status == "Scoring", "the worker does not look at the exit code of ingestion"
    assert "exit code 1, which the worker ignores" in prediction.notes[0]
    log = last.containers[0].stderr
    page = (tmp_path / "kept" / "detailed_results.html").read_text(encoding="utf-8")
    for word in said:
        assert word in log
        assert word.replace("&", "&amp;") in page
    assert "Traceback" not in log
    assert not (tmp_path / "kept" / "scores.json").exists()


def test_files_planted_under_the_names_of_results_are_not_taken_for_results(bundle, entry, rehearsed, frozen):
    answers = labels_of(frozen)["public"][1]
    buffer = io.BytesIO()
    np.save(buffer, answers)
    planted = {
        "predictions.npy": buffer.getvalue(),
        "status.json": json.dumps({"outcome": "scored"}),
        "scores.json": '{"accuracy": 1.0, "macro_f1": 1.0, "balanced_accuracy": 1.0}',
        "output/predictions.npy": buffer.getvalue(),
    }
    found = rehearsed(bundle, entry("raise RuntimeError('no')\n", planted))
    assert found.status == "Failed" and "import_failed" in found.steps[1].containers[0].stderr
    honest = rehearsed(bundle, entry("class Model:\n    def predict(self, X): return [0] * len(X)\n", planted))
    assert honest.scored and honest.scores["accuracy"] == (answers == 0).mean()


def test_what_an_entry_forges_while_it_runs_is_read_as_labels_or_not_at_all(bundle, entry, rehearsed, tmp_path):
    forging = """
    import json, os, sys
    from pathlib import Path
    class Model:
        def predict(self, X):
            out = Path("/app/output")
            (out / "scores.json").write_text('{"accuracy": 1.0}')
            (out / "detailed_results.html").write_text("<script>alert(1)</script>")
            (out / "passwd").symlink_to("/etc/passwd")
            os.mkfifo(out / "predictions.npy")
            print("\\x1b[31mred")
            raise RuntimeError("<script>alert('x')</script> \\x1b[2J")
    """
    found = rehearsed(bundle, entry(forging))
    assert found.status == "Failed"
    assert any("passwd: a link or special file" in note for note in found.steps[1].notes)
    page = (tmp_path / "kept" / "detailed_results.html").read_text(encoding="utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page and "\x1b" not in page
    assert "\x1b" not in found.steps[1].containers[0].stderr
    assert not (tmp_path / "kept" / "passwd").exists()


def test_an_entry_sees_no_label_no_host_and_no_network(bundle, frozen, entry, rehearsed, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the labels")
    listener = socket.create_server(("127.0.0.1", 0))
    looking = f"""
    import json, os, socket, sys
    from pathlib import Path
    class Model:
        def predict(self, X):
            seen = sorted(str(Path(path) / name) for path, _, names in os.walk("/app") for name in names)
            seen += sorted(str(path) for path in Path("/").iterdir())
            found = {{"seen": seen, "environment": dict(os.environ), "uid": os.getuid(), "reached": []}}
            for path in ({str(secret)!r}, {str(frozen.folder)!r}, {str(bundle)!r}, "/etc/passwd"):
                if os.path.exists(path):
                    found["reached"].append(path)
            homes = {{Path("/home"), Path("/root"), *Path(sys.prefix).parents}} - {{Path("/"), Path("/tmp")}}
            found["homes"] = [str(path) for home in homes if home.is_dir() for path in home.iterdir()]
            for address in (("127.0.0.1", {listener.getsockname()[1]}), ("1.1.1.1", 53)):
                try:
                    socket.create_connection(address, 2)
                    found["reached"].append(str(address))
                except OSError:
                    pass
            try:
                open("/usr/lib/x", "w")
                found["reached"].append("/usr/lib")
            except OSError:
                pass
            found["processes"] = [one for one in os.listdir("/proc") if one.isdigit()]
            print("FOUND" + json.dumps(found))
            return X[:, 0, 0, 0] * 0
    """
    with listener:
        done = rehearsed(bundle, entry(looking))
    (line,) = [line for line in done.steps[0].containers[0].stdout.splitlines() if line.startswith("FOUND")]
    found = json.loads(line.removeprefix("FOUND"))
    assert found["reached"] == [] and found["uid"] != 0 and len(found["processes"]) < 10
    # The interpreter may lie below a home: its folder is there, and nothing beside it or beside those that lead to it.
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix)]
    prefixes += [prefix.resolve() for prefix in prefixes]
    assert set(found["homes"]) <= {str(part) for prefix in prefixes for part in (prefix, *prefix.parents)}
    own = "/app/program/harness/"
    assert not [name for name in found["seen"] if "label" in name and not name.startswith(own)]
    assert "/app/input_data/images.npy" in found["seen"] and not any("/app/input/" in name for name in found["seen"])
    assert not any(name.startswith(("HEMOBENCH_WORKSPACE", "PYTEST")) for name in found["environment"])
    assert done.scored


def test_a_zip_that_leads_out_of_its_folder_stays_inside(bundle, rehearsed, tmp_path):
    path = tmp_path / "entry.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.py", "class Model:\n    def predict(self, X): return [0] * len(X)\n")
        archive.writestr("../../../escaped.txt", "x")
        archive.writestr("/tmp/hemobench-escaped.txt", "x")
    assert rehearsed(bundle, path).scored
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_bomb_and_a_damaged_zip_are_errors_of_one_sentence(bundle, entry, rehearsed, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.platforms.codabench.rehearse.SUBMISSION_BYTES", 1_000_000)
    with pytest.raises(BundleError, match="unpacks to more than"):
        rehearsed(bundle, entry("class Model: ...\n", {"zeros": b"0" * 1_000_001}))
    path = entry("class Model: ...\n", {"weights": b"0" * 1000})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BundleError, match="cannot be unpacked"):
        rehearsed(bundle, path)


def test_nothing_is_left_in_scratch(bundle, entry, rehearsed, tmp_path):
    locked = """
    import os
    class Model:
        def predict(self, X):
            os.makedirs("/app/output/a/b")
            os.chmod("/app/output/a", 0)
            return X[:, 0, 0, 0] * 0
    """
    assert rehearsed(bundle, entry(locked)).status in ("Finished", "Failed")
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]


DIGGING = """
import os
def dig(where, depth, name="d"):
    handle = os.open(where, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=handle)
        inner = os.open(name, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
class Model:
    def predict(self, X):
        %s
        return X[:, 0, 0, 0] * 0
"""


@pytest.mark.parametrize(
    ("made", "limit"),
    [
        ("dig('/app/output', 1500)", "100 folders"),
        ("dig('/app/output', 20, 'n' * 255)", ""),
        ("dig('/app/output', 500, 'n' * 255)", "100 folders"),
        ("dig('/app/program', 1500)", "100 folders"),
        ("dig('.', 3000)", ""),
        ("[os.mkdir(f'/app/output/{n}') for n in range(1100)]", "1,000 files"),
        ("[os.close(os.open(f'/app/output/{n}', os.O_CREAT)) for n in range(1100)]", "1,000 files"),
        ("os.truncate(os.open('/app/output/large', os.O_CREAT | os.O_RDWR), 1 << 40)", "20,000 MB"),
        ("dig('/app/output', 9); os.chmod('/app/output/d/d', 0); os.chmod('/app/output/d', 0o500)", ""),
    ],
)
def test_what_an_entry_makes_stops_no_later_run(made, limit, bundle, entry, rehearsed, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.platforms.codabench.rehearse.FILES", 1000)
    found = rehearsed(bundle, entry(DIGGING % made))
    if limit:
        assert found.status == "Failed" and f"Stopped at {limit}" in found.message
    else:
        assert found.scored
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]


def test_a_zip_with_folders_too_deep_is_refused_and_cleared_away(bundle, rehearsed, tmp_path):
    path = tmp_path / "entry.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.py", "class Model:\n    def predict(self, X): return [0] * len(X)\n")
        for depth in range(1, 1900):
            archive.writestr("a/" * depth, "")
    with pytest.raises(BundleError, match="folders in one another"):
        rehearsed(bundle, path)
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [".lock"]


def test_a_bundle_zipped_with_its_folder_is_named_by_both_verbs(bundle, tmp_path, hemobench):
    nested = zip_of(bundle / "pages", tmp_path / "nested.zip", top="course/")
    assert lint(nested)[0].rule == "L1"
    said = hemobench("codabench", "rehearse", nested, bundle / "sample_submissions" / "majority.zip", code=1).stderr
    assert "competition.yaml" in said and "hemobench codabench lint" in said


def test_the_verb_shows_every_phase_and_its_exit_code_says_whether_all_scored(bundle, entry, hemobench, tmp_path):
    zip_path = bundle / "sample_submissions" / "majority.zip"
    done = hemobench("codabench", "rehearse", bundle, zip_path, "--keep", tmp_path / "kept")
    assert "Development: Finished" in done.stdout and "Final: Finished" in done.stdout
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["0-development", "1-final"]
    (one,) = json.loads(hemobench("codabench", "rehearse", bundle, zip_path, "--phase", "Final", "--json").stdout)
    assert one["phase"] == "Final" and set(one["scores"]) == {"accuracy"}
    failed = hemobench("codabench", "rehearse", bundle, entry("class model: ...\n"), "--phase", "0", code=1)
    assert "Development: Failed" in failed.stdout and "no name Model" in failed.stderr
    assert (
        "Did you mean Final?"
        in hemobench("codabench", "rehearse", bundle, zip_path, "--phase", "Finale", code=1).stderr
    )
    assert "no zip" in hemobench("codabench", "rehearse", bundle, tmp_path / "none.zip", code=1).stderr


def test_a_bundle_that_is_not_there_is_an_error(tmp_path, rehearsed):
    with pytest.raises(BundleError, match="There is no bundle"):
        rehearsed(tmp_path / "none.zip", tmp_path / "none.zip")
