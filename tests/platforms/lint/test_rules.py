"""Each rule finds the failure it is for, and nothing in a sound bundle."""

import datetime as dt
import json
from itertools import pairwise

import pytest

from harness.errors import BundleError
from harness.platforms.codabench.bundle import Bundle
from harness.platforms.codabench.lint import DAMAGED, breaks, check, lint
from harness.platforms.codabench.rule import RULES, Severity
from harness.platforms.codabench.rules.programs import made_of
from tests.platforms.lint.cases import CASES, build, put, sound, zip_of

pytestmark = pytest.mark.usefixtures("reads_in_one_process")
# Twelve lines that stand for ten thousand million values.
LAUGHS = "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join(7 * [f'*{a}'])}]\n" for a, b in pairwise("abcdefghijklm"))


def test_a_sound_bundle_has_no_finding_as_folder_and_as_zip(tmp_path):
    folder = build(tmp_path / "bundle")
    assert lint(folder) == []
    assert lint(zip_of(folder, tmp_path / "bundle.zip")) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule} {case.failure}")
def test_a_failure_made_on_purpose_is_found_by_its_rule(case, tmp_path):
    findings = lint(build(tmp_path / "bundle", case.change))
    found = [finding for finding in findings if finding.rule == case.rule]
    assert found, findings
    assert any(case.expected in f"{finding.evidence} {finding.fix}" for finding in found), found
    assert all(finding.evidence and finding.fix and finding.what for finding in findings)


def test_every_rule_has_a_failure_made_on_purpose():
    assert {case.rule for case in CASES} == set(RULES)


def test_findings_come_worst_first(tmp_path):
    def change(config, folder):
        config["leaderboards"][0]["columns"][0]["precision"] = 2
        config["leaderboards"][0]["primary_index"] = 8
        config["tasks"][0]["ingestion_only_during_scoring"] = True
        del config["docker_image"], config["title"]

    severities = [finding.severity for finding in lint(build(tmp_path / "bundle", change))]
    assert severities == sorted(severities, key=list(Severity).index)
    assert set(severities) == set(Severity)


@pytest.mark.parametrize(
    "change",
    [
        put("title", "x" * 256),
        put("version", "2"),
        put("docker_image", "a/" + "x" * 122 + ":tag"),
        put("docker_image", "localhost:5000/cells:1"),
        put("leaderboards.0.columns.0.precision", 4),
        put("leaderboards.0.submission_rule", "Force_Last"),
        put("phases.0.end", dt.datetime(2026, 11, 30)),  # without quotes, but at midnight anyhow
        put("phases.0.end", dt.date(2026, 11, 30)),
        put("phases.1.end", "2027-01-31 18:00"),
        put("phases.0.max_submissions_per_day", 0),
        put("phases.0.starting_kit", "123e4567-e89b-12d3-a456-426614174000"),
        put("queue", "123e4567-e89b-12d3-a456-426614174000"),
        put("tasks.0.ingestion_only_during_scoring", False),
    ],
)
def test_what_the_server_takes_is_not_complained_of(change, tmp_path):
    assert lint(build(tmp_path / "bundle", change)) == []


def test_train_labels_in_input_data_are_no_leak(tmp_path):
    def change(config, folder):
        (folder / "input_data" / "train_labels.csv").write_text("1\n")

    assert lint(build(tmp_path / "bundle", change)) == []


@pytest.mark.parametrize(
    "program",
    [
        "for n in (1, 2):\n    lines.append('set%d_score: %f' % (n, score))\n",
        "scores[f'{name}_score'] = 1\n",
        "scores['{}_score'.format(name)] = 1\n",
        "scores['set' + str(n) + '_score'] = 1\n",
        "scores['_'.join([name, 'score'])] = 1\n",
        "scores[name] = 1\n",
        "scores = {column['key']: 1 for column in columns}\n",
        "scores.update(read(reference))\n",
        "echo ${name}_score: 0.9\n",
        "file.write('%s: %f' % (name, score))\n",
        "file.write(f'{name}: {score}')\n",
    ],
)
def test_a_key_that_may_be_made_at_run_time_is_a_doubt_and_no_claim(program):
    assert made_of(program, "set1_score")


@pytest.mark.parametrize(
    "program",
    [
        "scores = {'accuracy': 1.0, 'macro_f1': 0.5}\n",
        "print(f'{n} images, seen {share:.1%}')\nscores['accuracy'] = hits[0]\n",
        "if scores['accuracy'] == 1: print('%d of %d' % (n, m))\n",
    ],
)
def test_a_key_that_no_line_can_make_stays_a_claim(program):
    assert not made_of(program, "set1_score")


def test_one_file_of_labels_in_both_stays_a_leak(tmp_path):
    def change(config, folder):
        (folder / "input_data" / "labels.csv").write_text("1\n")
        for task in config["tasks"]:
            task["reference_data"] = task["input_data"]

    assert "K10" in {finding.rule for finding in lint(build(tmp_path / "bundle", change))}


def test_a_file_that_is_no_zip_is_a_finding_and_one_that_is_missing_an_error(tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_text("not a zip")
    (finding,) = lint(path)
    assert finding.rule == DAMAGED and breaks([finding])
    with pytest.raises(BundleError, match=r"There is no bundle"):
        lint(tmp_path / "nowhere.zip")


@pytest.mark.parametrize(
    "junk",
    [
        "[]",
        "7",
        "version: 2\nphases: 5\ntasks: {a: 1}\nleaderboards: [1, [2], null]\npages: x",
        "tasks: [{index: [1]}, {index: {a: 1}}]\nphases: [{tasks: [[1]], index: x, start: []}]",
        "title: [1]\nfact_sheet: {1: {2: 3}}\nsolutions: [{tasks: 1, path: 3}]\n2: 3",
        "a: &a [*a]",
        LAUGHS,
        "[" * 5000,
        "leaderboards: [{columns: [{index: x, computation_indexes: 3}]}]",
        "version: 2\nimage: ../../etc/passwd\nterms: /etc/passwd",
    ],
)
def test_no_yaml_makes_the_linter_fail(junk, tmp_path):
    folder = build(tmp_path / "bundle")
    (folder / "competition.yaml").write_text(junk)
    findings = lint(folder)
    assert breaks(findings)


def paths_of(item, above=()):
    """All places in a configuration, as keys from the top."""
    for key, value in item.items() if isinstance(item, dict) else enumerate(item):
        yield (*above, key)
        if isinstance(value, dict | list):
            yield from paths_of(value, (*above, key))


@pytest.mark.parametrize("odd", [None, -1.5, True, "x" * 300, [None, [1]], {"a": {}}, dt.date(2026, 1, 1)])
def test_an_odd_value_anywhere_is_a_finding_at_most(odd, tmp_path):
    folder = build(tmp_path / "bundle")
    for *above, last in paths_of(sound()):
        config = sound()
        item = config
        for key in above:
            item = item[key]
        item[last] = odd
        for finding in check(Bundle(folder, folder, config, text="{}")):
            assert finding.evidence and finding.fix


def test_no_file_outside_the_bundle_is_taken_for_one_of_it(tmp_path):
    (tmp_path / "outside.md").write_text("secret")
    findings = lint(build(tmp_path / "bundle", put("terms", "../outside.md")))
    assert [finding.rule for finding in findings] == ["T5"]


def test_a_foreign_bundle_with_three_usual_faults(tmp_path):
    """A nested folder is all that can be seen; unpacked by hand, the other faults show."""

    def change(config, folder):
        config["leaderboard"] = config.pop("leaderboards")
        config["phases"][0]["end"] = dt.datetime(2026, 11, 30, 12, 30)

    folder = build(tmp_path / "course", change)
    nested = lint(zip_of(folder, tmp_path / "nested.zip", top="course/"))
    assert [finding.rule for finding in nested] == ["L1"]
    assert "cd course" in nested[0].fix
    flat = lint(zip_of(folder, tmp_path / "flat.zip"))
    assert [finding.rule for finding in flat] == ["B1", "P6"]
    assert breaks(nested) and breaks(flat)


def test_the_verb_numbers_what_it_finds_and_fails_when_the_server_would(hemobench, tmp_path):
    folder = build(tmp_path / "bundle", put("leaderboards.0.columns.0.precision", 2))
    said = hemobench("codabench", "lint", folder).stdout
    assert said.startswith("1. silent B9: ") and all(len(line) <= 80 for line in said.splitlines())
    (folder / "terms.md").write_text("")
    document = json.loads(hemobench("codabench", "lint", folder, "--json", code=1).stdout)
    assert document["breaks"] and [finding["rule"] for finding in document["findings"]] == ["T5", "B9"]
    assert "no bundle" in hemobench("codabench", "lint", tmp_path / "none.zip", code=1).stderr
