"""Every attack is held by isolation, is real without it, and stands beside an honest entry that scores."""

from __future__ import annotations

import os

import pytest

from tests.attacks.arena import run
from tests.attacks.ideas import NOT_AT_TRAINING, Idea, all_ideas

IDEAS = all_ideas()


def parameters(*ideas: Idea) -> list:
    return [pytest.param(idea, id=idea.id, marks=[pytest.mark.slow] if idea.slow else []) for idea in ideas]


def test_each_idea_says_what_it_is_after_and_what_it_would_reach():
    assert len(IDEAS) >= 60
    for idea in IDEAS:
        assert idea.goal.endswith("."), idea.id
        assert sum(map(bool, (idea.without_isolation, idea.held, idea.spared))) == 1, idea.id


@pytest.mark.parametrize("idea", parameters(*IDEAS))
def test_the_attack_is_held(idea, isolation, besieged):
    trial = run(idea, "Attack", isolation, besieged)
    if idea.grouped and not trial.control_group:
        pytest.skip("this machine lets nobody make a control group")
    if idea.known and isolation in idea.known:
        assert trial.breaches, "It is held by now: take it out of KNOWN."
        pytest.xfail(idea.known[isolation])
    assert trial.breaches == [], trial
    assert trial.said or idea.silent, f"The attack never came to its point: {trial}"
    assert not idea.ends or trial.outcome in idea.ends, trial


@pytest.mark.attacks
@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.id)
def test_the_honest_neighbour_scores(idea, isolation, besieged):
    trial = run(idea, "Honest", isolation, besieged)
    assert (trial.outcome, trial.breaches) == ("scored", []), trial


@pytest.mark.attacks
@pytest.mark.parametrize("idea", [idea for idea in IDEAS if idea.without_isolation], ids=lambda idea: idea.id)
def test_without_isolation_the_attack_gets_through(idea, besieged):
    if idea.root and os.geteuid():
        pytest.skip("without root the system itself stands in its way")
    assert run(idea, "Attack", "none", besieged).breaches


@pytest.mark.attacks
@pytest.mark.parametrize("idea", [idea for idea in IDEAS if idea.held], ids=lambda idea: idea.id)
def test_what_needs_no_isolation_is_held_without_them(idea, besieged):
    trial = run(idea, "Attack", "none", besieged)
    assert trial.breaches == [], trial


# `make test` tries those at training time, of each kind some; `make attacks` tries all.
OFTEN = (
    *("labels", "filesystem/board", "filesystem/home", "filesystem/links_into_the_host", "filesystem/mount"),
    *("network/tcp", "network/abstract_socket", "memory/descriptors_of_the_harness", "memory/ptrace"),
    *("lifetime/double_fork", "resources/disk", "resources/small_files", "text/escapes_in_the_log"),
)
AT_TRAINING = [
    pytest.param(idea, id=idea.id, marks=[] if idea.id.startswith(OFTEN) else [pytest.mark.attacks])
    for idea in IDEAS
    if idea.id not in NOT_AT_TRAINING
]


@pytest.mark.parametrize("idea", AT_TRAINING)
def test_the_attack_is_held_at_training_time(idea, isolation, besieged):
    trial = run(idea, "Attack", isolation, besieged, training=True)
    if idea.grouped and trial.breaches:
        pytest.skip("this machine lets nobody make a control group")
    assert trial.breaches == [], trial
    assert trial.said or idea.silent, f"The attack never came to its point: {trial}"


# Honest as an entry, but no folder to pack when it has done so.
NOTHING_TO_PACK = {
    "filesystem/child_overwritten": "it writes over its own model.py",
    "forgery/spared_by_a_claim": "its probabilities fail, which ends a script",
    "loading/numpy_beside_the_model": NOT_AT_TRAINING["loading/numpy_beside_the_model"],
    "resources/small_files": "it leaves more files than may go into a zip",
}


@pytest.mark.attacks
@pytest.mark.parametrize("idea", [idea for idea in IDEAS if idea.id not in NOTHING_TO_PACK], ids=lambda idea: idea.id)
def test_the_honest_neighbour_is_trained(idea, isolation, besieged):
    trial = run(idea, "Honest", isolation, besieged, training=True)
    assert (trial.outcome, trial.breaches) == ("scored", []), trial
