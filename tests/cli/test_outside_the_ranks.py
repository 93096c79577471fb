"""Baselines and copies of their zips, as a teacher sees them on the terminal."""

import json
import zipfile


def packed_anew(zip_path, target):
    """The same files in another order, at another time, stored, with an empty one beside them."""
    with zipfile.ZipFile(zip_path) as old, zipfile.ZipFile(target, "w") as new:
        for info in reversed(old.infolist()):
            new.writestr(zipfile.ZipInfo(info.filename, (2020, 1, 1, 0, 0, 0)), old.read(info))
        new.writestr("empty.txt", "")
    return target


def test_a_baseline_is_marked_and_what_is_made_of_its_zip_ranks_and_is_marked_too(hemobench, tmp_path):
    hemobench("contest", "rules", "submissions_per_day=1", "--why", "to see who is counted")
    first = json.loads(hemobench("submit", "majority", "-m", "x", "--json").stdout)
    assert first["baseline"] and first["rank"] == 1, "baselines rank among themselves until a team comes"
    hemobench("submit", "majority", "-m", "not counted")
    kept = hemobench.workspace / "zips" / f"{first['zip_sha256']}.zip"
    copy = tmp_path / "team.zip"
    copy.write_bytes(kept.read_bytes())
    same = json.loads(hemobench("submit", copy, "-m", "x", "--json").stdout)
    assert (same["baseline"], same["rank"], same["equals"]) == (False, 1, 1)
    hemobench("submit", "majority", "--name", "under a name of its own", "-m", "x")
    anew = json.loads(hemobench("submit", packed_anew(kept, tmp_path / "anew.zip"), "-m", "x", "--json").stdout)
    assert anew["zip_sha256"] != first["zip_sha256"] and anew["equals"] == 1
    rows = json.loads(hemobench("leaderboard", "--json").stdout)
    assert {row["id"]: (row["rank"], row["note"], row["same_as"]) for row in rows} == {
        1: (None, "baseline", None),
        2: (None, "baseline", None),
        3: (1, "", 1),
        4: (2, "", 1),
        5: (3, "", 1),
    }
    shown = hemobench("leaderboard").stdout
    assert "majority (baseline)" in shown and "team (same files as 1)" in shown
    assert json.loads(hemobench("ledger", "audit", "--json").stdout)["findings"] == []
