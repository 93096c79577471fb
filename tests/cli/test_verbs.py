"""Each verb's manners: exit codes, completion, what is printed where."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def completions(*words: str) -> set[str]:
    """What the shell offers for the last of `words`."""
    environment = os.environ | {
        "_HEMOBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("hemobench", *words)),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-c", "from harness.cli import hemobench; hemobench(prog_name='hemobench')"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return {line.split(",")[-1] for line in done.stdout.splitlines()}


def test_the_shell_completes_verbs_entries_and_contests():
    assert completions("lead") == {"leaderboard"}
    assert {"majority"} == completions("submit", "maj")
    assert {"vgg16", "vgg16-report"} == completions("submit", "vgg")
    assert "augment=" in completions("train", "vgg16", "--set", "aug")
    assert {"blood-cells-an2dl"} == completions("freeze", "--contest", "blood-cells-a")


def test_verify_names_the_file_and_fails_after_one_flipped_byte(hemobench):
    assert "is as it was frozen" in hemobench("verify").stdout
    path = hemobench.workspace / "contests" / "small" / "current" / "private" / "hidden.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "private/hidden.npz" in hemobench("verify", code=1).stdout
    document = json.loads(hemobench("verify", "--json", code=1).stdout)
    assert document["differences"][0]["what"] == "private/hidden.npz"


def test_pack_prints_the_hash_of_what_it_wrote(hemobench, tmp_path):
    out = tmp_path / "an entry.zip"
    document = json.loads(hemobench("pack", "submissions/random", "-o", out, "--json").stdout)
    assert document["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert document["members"] == ["model.py"]


def test_if_missing_keeps_what_is_frozen_and_makes_it_active(hemobench):
    before = hemobench("freeze", "--if-missing", "--json").stdout
    assert json.loads(before)["contest"] == "small"

    def written():
        folder = hemobench.workspace / "contests" / "small"
        return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}

    then = written()
    assert hemobench("freeze", "--if-missing", "--json").stdout == before
    assert written() == then, "nothing was frozen anew"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("freeze", "--contest", "blood-cells-folder"), "--source"),
        (("freeze", "--contest", "blood-cells-folder", "--source", "nowhere"), "nowhere"),
        (("freeze", "--contest", "blood-cells", "--source", "pyproject.toml"), "no effect"),
        (("score", "nothing.zip"), "nothing.zip"),
        (("verify", "--contest", "blood-cells"), "hemobench freeze --contest blood-cells"),
    ],
)
def test_what_is_missing_is_said_with_what_to_type(hemobench, words, said):
    assert said in hemobench(*words, code=1).stderr


def test_a_contest_file_with_a_misspelt_key_is_refused_with_its_place(hemobench, small_contest, tmp_path):
    contest = tmp_path / "mine.toml"
    contest.write_text(small_contest.read_text() + "memory = 5\n")
    assert "memory" in hemobench("freeze", "--contest", contest, code=1).stderr


def test_ctrl_c_ends_with_130_and_one_word(hemobench):
    process = hemobench.start("freeze", "--contest", "blood-cells")
    assert process.stderr.read(1), "it draws"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "Stopped."
    assert "Traceback" not in err


def test_missing_restrictions_are_said_aloud(hemobench):
    hemobench("pack", "submissions/random", "-o", hemobench.workspace / "r.zip")
    shown = hemobench("score", hemobench.workspace / "r.zip", "--isolation", "none")
    assert "Missing restrictions" in shown.stderr
    card = json.loads(hemobench("score", hemobench.workspace / "r.zip", "--isolation", "none", "--json").stdout)
    assert "no network" in card["missing_restrictions"]


def test_what_an_entry_prints_cannot_steer_the_terminal(hemobench, tmp_path):
    folder = tmp_path / "loud"
    folder.mkdir()
    (folder / "model.py").write_text(
        "print('\\x1b[2Jcleared')\nclass Model:\n    def predict(self, X):\n        raise 1\n"
    )
    shown = hemobench("submit", folder, "-m", "x", "--reveal-private", code=1)
    assert "\x1b" not in shown.stderr + shown.stdout
    assert r"\x1b[2Jcleared" in shown.stderr


def test_a_message_that_would_break_the_board_is_refused(hemobench):
    assert "printable" in hemobench("submit", "random", "-m", "two\nlines", code=2).stderr
    assert "printable" in hemobench("submit", "random", "-m", "x", "--name", "\x1b[31m", code=2).stderr
