"""A wrong line of a contest file: the message says where it stands, what stands there, and what may."""

import json

import pytest

from harness.contest import read_contest
from harness.errors import ContestError

GOOD = """name = "x"
title = "T"
version = 1
class_names = ["a", "b"]
image_shape = [64, 64, 3]
[source]
kind = "folder"
"""


def refused(tmp_path, old, new):
    path = tmp_path / "contest.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ContestError) as caught:
        read_contest(path)
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        # An unknown word of a closed set: all there are, and the nearest.
        ("[source]", '[[metrics]]\nname = "auc"\n[source]',
         ["metrics[0].name", "'auc'", "'accuracy'", "'macro_f1'", "'balanced_accuracy'"], ""),
        ("[source]", '[[metrics]]\nname = "accuracy"\n[[metrics]]\nname = "macrof1"\n[source]',
         ["metrics[1].name", "'macrof1'"], "Did you mean macro_f1?"),
        ("[source]", '[cleaning]\nnear_duplicates = "grop"\n[source]',
         ["cleaning.near_duplicates", "'grop'", "'drop'", "'group'"], "Did you mean group"),
        ("64, 64, 3", "64, 64, 4", ["image_shape[2] is 4", "expected 3"], ""),
        # A section that says by a tag which it is.
        ('"folder"', '"foldr"', ["source.kind", "'foldr'", "'embedded'", "'medmnist'"], "Did you mean folder?"),
        ('kind = "folder"', "", ["'kind'", "missing", "[source]", "'medmnist'"], ""),
        ('"folder"', '"medmnist"\nsize = 32', ["source.size is 32", "28, 64, 128 or 224"], ""),
        # A key that is not there.
        ("version", "versoin", ["'versoin'"], "Did you mean version?"),
        ('"folder"', '"folder"\nresise = true', ["[source]", "'resise'"], "Did you mean resize?"),
        ("[source]", "[limits]\nxyz = 1\n[source]", ["[limits]", "'xyz'"], "time_s"),
        ("version = 1\n", "", ["'version'", "missing", "a whole number of at least 1"], ""),
        # A range.
        ("version = 1", "version = 0", ["version is 0", "a whole number of at least 1"], ""),
        ("[source]", "[split]\nhidden = 1.5\n[source]", ["split.hidden is 1.5", "from 0 to 1"], ""),
        ("[source]", "[cleaning]\noutlier_factor = 0\n[source]", ["outlier_factor is 0", "above 0"], ""),
        ("[source]", "[shift]\nseverities = [1, 7]\n[source]", ["severities[1] is 7", "from 1 to 5"], ""),
        ("[source]", "metrics = []\n[source]", ["metrics is []", "at least 1"], ""),
        # Another type.
        ("version = 1", 'version = "1"', ["version is '1'", "a whole number"], ""),
        ('["a", "b"]', "[1, 2]", ["class_names[0] is 1", "a text in quotes"], ""),
        ("[source]", "[board]\nladder = 1\n[source]", ["board.ladder is 1", "true or false"], ""),
        ("[source]", "limits = 3\n[source]", ["limits is 3", "a section", "time_s"], ""),
        ("64, 64, 3", "64, 64", ["image_shape is [64, 64]", "a list of 3"], ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_its_value_and_what_may_stand_there(tmp_path, old, new, said, hint):
    error = refused(tmp_path, old, new)
    for words in said:
        assert words in error.message
    assert hint in error.hint
    assert "$" not in error.message and "`" not in error.message


def test_a_long_value_is_cut_and_a_rule_of_several_keys_keeps_its_own_words(tmp_path):
    assert len(refused(tmp_path, "version = 1", f"version = {json.dumps('x' * 5000)}").message) < 200
    assert "hidden + val" in refused(tmp_path, "[source]", "[split]\nhidden = 0.9\nval = 0.9\n[source]").message
    assert "line 3" in refused(tmp_path, "version = 1", "version = ").message
