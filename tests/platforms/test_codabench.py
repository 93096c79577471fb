"""The bundle: whole, sound, the same bytes each time, and without a label where submissions run."""

import ast
import hashlib
import sys
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import numpy as np
import pytest
import yaml

from harness.board.cache import in_memory
from harness.board.ledger import Line
from harness.board.ranking import read_leaderboard
from harness.board.receipts import Scored
from harness.board.rows import insert
from harness.board.visibility import Role, Visibility
from harness.contest import MetricSpec
from harness.entry_source import find_source
from harness.errors import PackError, UsageError
from harness.examples import EXAMPLES
from harness.freeze.frozen import read_arrays
from harness.pack import pack
from harness.platforms.codabench.export import HOUSE, Settings, export_codabench
from harness.platforms.codabench.lint import lint
from harness.platforms.facts import Dates, facts_of, render
from harness.score.card import score_split
from harness.score.estimate import Estimate

PARTICIPANTS = ("input_data", "ingestion_program", "starting_kit", "public_data", "sample_submissions", "pages")


def config_of(bundle):
    return yaml.safe_load((bundle / "competition.yaml").read_text(encoding="utf-8"))


def test_the_linter_has_nothing_to_say(bundle):
    assert lint(bundle) == []
    assert lint(bundle.with_name("course.zip")) == []


def test_the_same_contest_gives_the_same_bytes(bundle, workspace, frozen, tmp_path):
    again = export_codabench(workspace, frozen, tmp_path / "course")
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (bundle.with_name("course.zip"), again))
    assert first == second


def test_the_zip_holds_the_folder_flat_and_nothing_else(bundle):
    with zipfile.ZipFile(bundle.with_name("course.zip")) as archive:
        names = archive.namelist()
        assert names == sorted(names) and "competition.yaml" in names
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert set(names) == {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}


def test_each_phase_gets_the_images_and_labels_of_its_half_alone(bundle, frozen):
    hidden, kept = frozen.hidden_images(), read_arrays(frozen.folder / "private" / "labels.npz")
    for half, rows in (("public", kept["public"]), ("private", ~kept["public"])):
        assert np.array_equal(np.load(bundle / "input_data" / f"{half}_images" / "images.npy"), hidden[rows])
        assert np.array_equal(
            np.load(bundle / "reference_data" / f"{half}_labels" / "labels.npy"), kept["labels"][rows]
        )
    phases, tasks = config_of(bundle)["phases"], config_of(bundle)["tasks"]
    assert [tasks[index]["input_data"] for phase in phases for index in phase["tasks"]] == [
        "input_data/public_images",
        "input_data/private_images",
    ]


def test_nothing_that_participants_get_tells_of_hidden_labels(bundle, frozen):
    kept = read_arrays(frozen.folder / "private" / "labels.npz")
    ids = [name.encode() for name in kept["ids"].tolist()]
    for part in PARTICIPANTS:
        files = [path for path in (bundle / part).rglob("*") if path.is_file()]
        assert files
        for path in files:
            content = path.read_bytes()
            # The lock lists by its id what cleaning looked at; which image that became, if any, it does not tell.
            assert path.name == "contest.lock.json" or not any(name in content for name in ids), path
            for labels in (kept["labels"], kept["labels"][kept["public"]], kept["labels"][~kept["public"]]):
                assert labels.tobytes() not in content and labels.astype(np.uint8).tobytes() not in content, path


def test_what_the_programs_take_along_is_the_house_s_own_code_byte_for_byte(bundle):
    for program in ("ingestion", "scoring"):
        folder = bundle / f"{program}_program"
        copies = sorted((folder / "harness").rglob("*.py"))
        assert len(copies) >= 5
        for copy in copies:
            assert copy.read_bytes() == (HOUSE / copy.relative_to(folder / "harness")).read_bytes()
        assert (folder / f"{program}.py").read_bytes() == (
            HOUSE / "platforms" / "codabench" / "programs" / f"{program}.py"
        ).read_bytes()


def test_the_programs_need_the_standard_library_and_numpy_alone(bundle):
    for path in (*(bundle / "ingestion_program").rglob("*.py"), *(bundle / "scoring_program").rglob("*.py")):
        tops = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                tops |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                tops.add(node.module.split(".")[0])
        # `answer_checks` lies beside the child.
        assert tops - set(sys.stdlib_module_names) <= {"__future__", "numpy", "harness", "answer_checks"}, path


def test_a_sample_submission_is_the_zip_that_pack_makes(bundle, workspace, frozen, tmp_path):
    packed = pack(next(workspace.runs("small").glob("majority-*")) / "submission", tmp_path / "majority.zip")
    assert packed.path.read_bytes() == (bundle / "sample_submissions" / "majority.zip").read_bytes()


def test_settings_reach_the_file_quoted_and_in_utc(workspace, frozen, tmp_path):
    dates = Dates(
        datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 24, 18, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    )
    settings = Settings(
        dates,
        image="tensorflow/tensorflow:2.17.0",
        terms="Be fair: *all* of you.",
        contact="t@example.org",
        public_data=False,
    )
    export_codabench(workspace, frozen, tmp_path / "course", settings)
    config = config_of(tmp_path / "course")
    development, final = config["phases"]
    assert (development["start"], development["end"]) == ("2026-11-01T00:00:00+00:00", "2026-11-24T17:59:59+00:00")
    assert (final["start"], final["end"]) == ("2026-11-24T18:00:00+00:00", "2026-12-01T00:00:00+00:00")
    assert config["docker_image"] == "tensorflow/tensorflow:2.17.0" and config["contact_email"] == "t@example.org"
    assert "Be fair: *all* of you." in (tmp_path / "course" / "terms.md").read_text(encoding="utf-8")
    assert not (tmp_path / "course" / "public_data").exists() and "public_data" not in development
    assert "organiser hands out" in (tmp_path / "course" / "pages" / "data.md").read_text(encoding="utf-8")
    assert lint(tmp_path / "course") == []


def test_the_default_queue_s_limit_is_the_bundle_s_unless_a_queue_is_named(workspace, frozen, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.platforms.codabench.export.DEFAULT_QUEUE_S", 60)
    for queue, limit in (("", 60), ("123e4567-e89b-12d3-a456-426614174000", 120)):
        folder = tmp_path / (queue or "default")
        export_codabench(workspace, frozen, folder, Settings(queue=queue))
        config = config_of(folder)
        assert config.get("queue", "") == queue
        assert {phase["execution_time_limit"] for phase in config["phases"]} == {limit}
        assert f"| {limit} |" in (folder / "pages" / "evaluation.md").read_text(encoding="utf-8")


def test_a_title_with_every_sign_that_yaml_knows_stays_itself():
    from harness.platforms.facts import quoted

    title = "Cells: \"blood\" & 'bone' #1 {a} [b] \\ % é 🩸 \t| > - ? ! * @ `"
    assert yaml.safe_load(f"title: {quoted(title)}") == {"title": title}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"image": "x" * 129}, "129 characters"),
        ({"image": ""}, "0 characters"),
        ({"contact": "the teacher"}, "no e-mail address"),
        ({"queue": "our GPUs"}, "no vhost"),
    ],
)
def test_what_the_server_would_refuse_is_refused_before(settings, said, workspace, frozen, tmp_path):
    with pytest.raises(UsageError, match=said):
        export_codabench(workspace, frozen, tmp_path / "course", Settings(**settings))
    assert not (tmp_path / "course").exists()


def test_dates_out_of_order_are_refused():
    with pytest.raises(UsageError, match="expected each later"):
        Dates(datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


def test_a_folder_with_content_is_not_overwritten(workspace, frozen, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="new or empty"):
        export_codabench(workspace, frozen, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_half_written_stays_where_a_sample_cannot_be_packed(workspace, frozen, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.platforms.codabench.samples.EXAMPLES", tmp_path / "none")
    with pytest.raises(PackError, match=r"majority"):
        export_codabench(workspace, frozen, tmp_path / "course")
    assert list(tmp_path.iterdir()) == []


def test_the_project_s_own_entries_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_source("majority").folder == EXAMPLES / "majority"
    (tmp_path / "predictions.csv").write_text("id,label\n")
    with pytest.raises(UsageError, match="code is scored, not predictions"):
        find_source("predictions.csv")


def test_the_verb_says_what_to_do_next(hemobench, tmp_path):
    done = hemobench("codabench", "export", tmp_path / "course", "--start", "2026-11-01", "--final", "2026-11-24T18:00")
    assert "course.zip" in done.stdout and "hidden labels" in done.stdout
    assert "hemobench codabench lint" in done.stderr
    assert "hemobench codabench lint" in (tmp_path / "course" / "README.md").read_text(encoding="utf-8")
    hemobench("codabench", "export", tmp_path / "course", code=2)


def codabench_order(columns, submissions):
    """Order submissions as the platform does.

    Its view sorts by the primary column, then by every other column in the order of their indexes, each with its own
    sorting and whether it is hidden or not, then by `created_when`; scores are decimals of ten places.
    """
    primary, *others = sorted(columns, key=lambda column: column["index"])

    def key(submission):
        scores, created_when = submission
        cells = [Decimal(repr(scores[column["key"]])).quantize(Decimal("1e-10")) for column in (primary, *others)]
        signs = [-1 if column["sorting"] == "desc" else 1 for column in (primary, *others)]
        return [*(sign * cell for sign, cell in zip(signs, cells, strict=True)), created_when]

    return sorted(submissions, key=key)


@pytest.mark.parametrize("primary", ["accuracy", "macro_f1"])
def test_ties_are_broken_alike_at_home_and_on_the_platform(primary, frozen, tmp_path):
    rng = np.random.default_rng(11)
    names = (primary, *(name for name in ("accuracy", "macro_f1", "balanced_accuracy") if name != primary))
    contest = msgspec.structs.replace(frozen.contest, metrics=tuple(MetricSpec(name=name) for name in names))
    config = yaml.safe_load(render("codabench/competition.yaml", **facts_for(frozen, contest)))
    columns = config["leaderboards"][0]["columns"]
    y_true = np.arange(60) % 8
    submissions = []
    with in_memory(tmp_path / "none") as board:
        for number in range(1, 61):
            names_of_classes = 1
            if number % 3 == 0:  # the same answers with the classes in another order: equal, but for the last bit
                names_of_classes = 3
            else:
                wrong = rng.permutation(60)[: rng.integers(20, 24)]
            y_pred = y_true.copy()
            y_pred[wrong] = (y_pred[wrong] + 1) % 8
            asked = ((labels * names_of_classes) % 8 for labels in (y_true, y_pred))
            metrics = score_split(contest, *asked).metrics
            line = scored_line(number, {name: metrics[name].value for name in names})
            insert(board, line.score)
            submissions.append(({name: metrics[name].value for name in names}, number))
        home = read_leaderboard(board, "c", "l", primary, Visibility(Role.EVERYBODY))
    there = codabench_order(columns, submissions)
    assert [standing.entry.id for standing in home.ranked] == [number for _, number in there]
    values = [scores[primary] for scores, _ in there]
    assert len(set(values)) < len(values) - 10, "there are ties"
    more = [{**columns[0], "index": 1, "key": names[1]}]
    if primary == "accuracy":
        assert codabench_order([*columns, *more], submissions) != there, "a second column would break them otherwise"


def facts_for(frozen, contest):
    facts = facts_of(frozen) | {"contest": contest, "metrics": [(one.name, "") for one in contest.metrics]}
    return facts | {"time_s": 9, "queue": "", "samples": (), "dates": Dates(), "image": "i", "terms": "", "contact": "",
                    "public_data": False}  # fmt: skip


def scored_line(number, values):
    return Line.of(
        Scored(
            format=1, number=number, previous="", created_at="", contest="c", lock="l", entry=number, name=str(number),
            message="", outcome="scored", zip_sha256="", weights="", scorer="", order=0, predictions={}, card="",
            card_sha256="", labels="", labels_sha256="", environment={}, isolation="", restrictions=(),
            missing_restrictions=(),
            scores={"public": {name: Estimate(value, 0.0, 1.0, 60) for name, value in values.items()}},
        )
    )  # fmt: skip
