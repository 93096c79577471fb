"""``hemobench serve`` as a person types it, beside another process that submits."""

import json
import re
import signal
import socket
import time
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import pytest


@contextmanager
def serving(hemobench, *words):
    """Start the verb and give its address and process; it is stopped at the end, if it still runs."""
    process = hemobench.start("serve", "--port", "0", *words)
    try:
        found = re.fullmatch(r"The live board: (http://127\.0\.0\.1:\d+/)\n", process.stdout.readline())
        assert found, process.communicate()
        yield found[1], process
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> bytes:
    with urlopen(url, timeout=120) as answer:
        return answer.read()


def test_a_score_that_comes_in_meanwhile_is_shown_within_seconds(hemobench):
    with serving(hemobench) as (address, _):
        assert json.loads(get(f"{address}state"))["entries"] == 0
        assert b"No entry was scored yet" in get(address)
        hemobench("submit", "majority", "-m", "while it is served")
        end = time.monotonic() + 120
        while not (state := json.loads(get(f"{address}state")))["entries"]:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert state["trouble"] == ""
        assert b"while it is served" in get(address)
        assert b"majority" in get(f"{address}board.csv")
        assert [row["name"] for row in json.loads(get(f"{address}board.json"))["rows"]] == ["majority"]


def test_ctrl_c_ends_it_and_frees_the_port(hemobench):
    with serving(hemobench) as (address, process):
        get(address)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 130
        assert err.endswith("Stopped.\n")
        assert "Traceback" not in err
        with pytest.raises(URLError):
            get(address)
        port = int(address.rstrip("/").rpartition(":")[2])
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind(("127.0.0.1", port))


def test_a_port_in_use_ends_with_one_clear_error(hemobench):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = hemobench("serve", "--port", port, code=1)
    assert f"Port {port} on 127.0.0.1 is in use." in done.stderr
    assert "hemobench serve --port 0" in done.stderr
    assert done.stdout == ""


def test_without_a_frozen_contest_it_says_what_to_type(hemobench, tmp_path):
    done = type(hemobench)(tmp_path / "nothing here")("serve", "--port", "0", code=1)
    assert "hemobench freeze" in done.stderr


@pytest.mark.parametrize(
    "words", [("serve", "--host", "0.0.0.0"), ("report", "--watch", "site")], ids=["to a class", "in a folder"]
)
def test_private_scores_are_for_this_machine_alone(hemobench, words):
    assert "--reveal-private" in hemobench(*words, "--reveal-private", code=2).stderr


def test_a_folder_is_kept_as_the_board_stands(hemobench, tmp_path):
    process = hemobench.start("report", "--watch", tmp_path / "site")
    try:
        assert "board.html" in process.stderr.readline()
        files = {suffix: tmp_path / "site" / f"board{suffix}" for suffix in (".html", ".csv", ".json")}
        assert b"No entry was scored yet" in files[".html"].read_bytes()
        hemobench("submit", "majority", "-m", "while it is kept")
        end = time.monotonic() + 120
        while b"while it is kept" not in files[".html"].read_bytes():
            assert time.monotonic() < end
            time.sleep(0.1)
        assert "board.html" in process.stderr.readline()
        assert [row["name"] for row in json.loads(files[".json"].read_bytes())["rows"]] == ["majority"]
        assert b"majority" in files[".csv"].read_bytes()
        assert b"connect-src" not in files[".html"].read_bytes(), "no script that asks a server"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130
    finally:
        process.kill()
        process.communicate()


def test_private_scores_are_warned_of(hemobench):
    with serving(hemobench, "--reveal-private") as (address, process):
        assert b"private half" in get(address)
        process.send_signal(signal.SIGINT)
        assert "not for entrants" in process.communicate(timeout=120)[1]
