"""On a terminal: what takes long shows that it goes on, on stderr alone, without colour where that is asked for."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

COLOUR = re.compile(r"\x1b\[[\d;]*[1-9][\d;]*m")


@pytest.fixture
def on_terminal(hemobench, tmp_path):
    """Return a function that types a verb on a terminal of so many columns, and returns stdout and what was drawn."""
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*words, columns=80, colour=False):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        unset = ("COLUMNS", *(("NO_COLOR",) if colour else ()))
        environment = {name: value for name, value in hemobench.environment().items() if name not in unset}
        environment["TERM"] = "xterm"
        command = [sys.executable, "-P", "-m", "harness.cli", *map(str, words)]
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True
        ) as process:
            os.close(theirs)
            drawn = b""
            while True:
                try:
                    drawn += (read := os.read(ours, 1 << 16))
                except OSError:  # the other end is shut
                    break
                if not read:
                    break
            out = process.stdout.read()
        os.close(ours)
        assert process.returncode == 0, drawn.decode()
        return out, drawn.decode()

    return run


def test_what_takes_long_shows_that_it_goes_on_and_stdout_has_the_result_alone(on_terminal, hemobench):
    out, drawn = on_terminal("verify", "--json")
    assert "Computing every hash" in drawn and "\x1b" not in out and out.startswith("{")
    piped = hemobench("verify", "--json")
    assert piped.stdout == out and "Computing" not in piped.stderr


def test_without_colour_nothing_is_coloured_and_with_it_something_is(on_terminal):
    assert not COLOUR.search(on_terminal("verify")[1])
    assert COLOUR.search(on_terminal("verify", colour=True)[1])


def test_a_narrow_terminal_breaks_sentences_between_words(on_terminal):
    _, drawn = on_terminal("new", "my-team", "--like", "random", columns=40)
    lines = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", drawn).replace("\r", "").splitlines()
    assert len(lines) >= 2 and all(len(line) <= 40 for line in lines)
