"""Who freezes a source whose labels anybody can get is told so."""

from typing import get_args

from harness.contest import An2dlSource, ArraysSource, FolderSource, Source
from harness.freeze.lock import KNOWN_LABELS
from tests.conftest import CommandLine


def test_every_source_but_those_of_one_s_own_is_named():
    assert set(get_args(Source)) - set(KNOWN_LABELS) == {ArraysSource, An2dlSource, FolderSource}


def test_freeze_says_it_once_in_one_sentence(small_contest, tmp_path):
    hemobench = CommandLine(tmp_path / "a workspace")
    told = hemobench("freeze", "--contest", small_contest, "--if-missing").stderr
    assert "no secret" in told and "images of its own." in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 80 or str(tmp_path) in max(told.splitlines(), key=len)
    assert "no secret" not in hemobench("freeze", "--contest", "small", "--if-missing").stderr
