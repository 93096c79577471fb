"""The loop with a real, small Keras model: trained, packed, run in isolation, ranked."""

import json


def test_a_trained_baseline_scores_through_the_zip_door_and_is_not_trained_twice(hemobench):
    small = [word for one in ("epochs=1", "train_limit=64", "input_size=32") for word in ("--set", one)]
    words = ("submit", "scratch-v1", "-m", "x", "--preset", "quick", "--weights", "none", *small, "--json")
    first = hemobench(*words)
    card = json.loads(first.stdout)
    assert card["outcome"] == "scored"
    assert "keras" in card["environment"]
    (run,) = (hemobench.workspace / "runs" / "small").glob("scratch-v1-*/run.json")
    record = json.loads(run.read_text())
    assert record["lock_hash"] == card["lock"]
    # What training measured is what the sandbox measures: the model in the zip is the one that was trained.
    assert card["scores"]["val"]["metrics"]["accuracy"]["value"] == record["val_accuracy"]["value"]
    (row,) = json.loads(hemobench("leaderboard", "--json").stdout)
    assert (row["weights"], row["precision"]) == ("none", record["precision"])

    again = hemobench(*words)
    assert "trained already" in again.stderr
    assert json.loads(again.stdout)["zip_sha256"] == card["zip_sha256"]
