"""An entry with a runtime on the board: what is on record of it, and what comes when it is run again."""

from __future__ import annotations

import json
import zipfile

import pytest

from harness.runtimes.runtime import Runtimes

TOML = 'runtime = "tiny"\nauthors = ["Ada", "Grace"]\nrecipe = "r"\nseed = 3\noutside_data = "none"\nlicence = "MIT"\n'
MODEL = (
    "import tiny_framework\nclass Model:\n    def predict(self, X):\n        return [tiny_framework.ANSWER] * len(X)\n"
)


@pytest.fixture
def at_work(hemobench, with_tiny):
    """The command line on a workspace that has the runtime ``tiny``."""
    (hemobench.workspace / "runtimes").symlink_to(with_tiny / "runtimes")
    return hemobench


@pytest.fixture
def entry(tmp_path):
    path = tmp_path / "entry.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.py", MODEL)
        archive.writestr("entry.toml", TOML)
    return path


def test_an_entry_is_on_record_with_its_runtime_and_what_it_says_of_itself(at_work, entry, with_tiny):
    card = json.loads(at_work("submit", entry, "-m", "first", "--json").stdout)
    lock = Runtimes(with_tiny / "runtimes").find("tiny").lock
    receipt = json.loads((at_work.workspace / "ledger.jsonl").read_text())
    for found in (card, receipt):
        assert (found["runtime"], found["runtime_lock"]) == ("tiny", lock)
    assert {"authors", "outside_data", "licence"} <= receipt.keys()
    assert (receipt["authors"], receipt["seed"]) == (["Ada", "Grace"], 3)
    facts = json.loads(at_work("show", "1", "--json").stdout)
    assert facts["run"]["stated"] == {
        **{"runtime": f"tiny, lock {lock[:12]}", "authors": "Ada, Grace", "recipe": "r", "seed": "3"},
        **{"outside data": "none", "licence": "MIT"},
    }
    shown = at_work("show", "1").stdout
    assert "Authors: Ada, Grace" in shown and "Outside data: none" in shown
    replayed = json.loads(at_work("ledger", "replay", "1", "--json").stdout)
    assert replayed["equal"] and not replayed["circumstances"]
    at_work("ledger", "audit")


def test_seeds_of_a_recipe_are_pooled_in_one_team_alone(at_work, entry):
    for name in ("one", "one", "other"):
        at_work("submit", entry, "-m", "x", "--name", name)
    lines = (at_work.workspace / "ledger.jsonl").read_text().splitlines()
    first, second, other = (json.loads(line)["recipe"] for line in lines)
    assert first == second != other


def test_kept_answers_count_for_the_same_packages_alone(at_work, entry, with_tiny, tmp_path):
    def kept_from():
        return json.loads(at_work("score", entry, "--json").stdout)["kept_from"]

    assert not kept_from() and kept_from()
    (at_work.workspace / "runtimes").unlink()
    other = at_work.workspace / "runtimes" / "tiny" / "other"
    other.mkdir(parents=True)
    current = with_tiny / "runtimes" / "tiny" / "current"
    (other / "lock.txt").write_text((current / "lock.txt").read_text().replace("==1.2", "==1.3"))
    (other / "venv").symlink_to((current / "venv").resolve())
    (other.parent / "current").symlink_to("other")
    assert not kept_from()


def test_the_rules_say_which_runtimes_there_are(at_work, entry):
    at_work("contest", "rules", "runtimes=keras", "--why", "as on the server")
    card = json.loads(at_work("score", entry, "--json", code=1).stdout)
    assert card["outcome"] == "refused" and "keras" in card["hint"]
    changed = at_work("contest", "rules", "runtimes=all", "--why", "asked for")
    assert "keras → all" in changed.stdout
    assert json.loads(at_work("score", entry, "--json").stdout)["outcome"] == "scored"


def test_the_runtimes_are_listed_with_their_packages(at_work):
    keras, tiny = json.loads(at_work("runtime", "list", "--json").stdout)
    assert keras["name"] == "keras" and keras["packages"]["numpy"] == tiny["packages"]["numpy"]
    assert "tiny-framework 1.2" in at_work("runtime", "list").stdout


def test_what_cannot_be_added_is_said_before_anything_is_fetched(at_work):
    assert "keras" in at_work("runtime", "add", "keras", code=2).stderr
    assert "--requirements" in at_work("runtime", "add", "vision", code=2).stderr
