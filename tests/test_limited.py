"""A process of its own for strangers' files: plain results, and one sentence for each end."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import PackError, UnreadableError
from harness.limited import Bounds, Reader, read


@dataclass(frozen=True)
class Told:
    path: Path
    numbers: tuple[float, ...]
    words: dict[str, str]


def echo(told: Told, more: int = 0) -> Told:
    return Told(told.path / "x", (*told.numbers, float(more)), told.words)


def end(how: str) -> int:
    match how:
        case "time":
            while True:
                pass
        case "memory":
            return len(bytearray(3_000_000_000))
        case "depth":
            return end(how)
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(0)
        case "fault":
            raise TypeError("none of ours")
        case "refused":
            raise PackError("not so", "but so")
        case "disk":
            raise OSError(28, "No space left on device", "a.npz")
        case "noise":
            os.write(1, b"printed\n")
    return 1


def asleep() -> int:
    time.sleep(1000)
    return 1


def wordy() -> str:
    return "x" * 2_000_000


def pieces(n: int) -> Iterator[int]:
    for number in range(n):
        if number == 3:
            os._exit(1)
        yield number


def litter() -> str:
    (folder := Path(tempfile.mkdtemp())).joinpath("left").write_text("x")
    return str(folder)


def pid() -> int:
    return os.getpid()


def test_arguments_and_results_travel_whole():
    told = Told(Path("a\udcff b"), (1.5, float("inf")), {"\ud800": "\x1b ä"})
    assert read("it", echo, told, more=7) == Told(Path("a\udcff b/x"), (1.5, float("inf"), 7.0), told.words)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("time", "time"),
        ("memory", "memory"),
        ("depth", "depth"),
        ("crash", "crash"),
        ("killed", "crash"),
        ("exit", "crash"),
        ("fault", "fault"),
    ],
)
def test_each_end_has_one_sentence_and_the_next_call_is_answered(how, kind):
    with Reader(Bounds(cpu_s=1)) as reader:
        with pytest.raises(UnreadableError) as caught:
            reader.call("a.zip", end, how)
        assert caught.value.end == kind
        assert caught.value.message.startswith("a.zip cannot be read: ")
        assert caught.value.hint
        assert reader.call("a.zip", end, "noise") == 1


def test_errors_for_people_and_of_the_disk_come_as_they_are():
    with Reader() as reader:
        first = reader.call("it", pid)
        with pytest.raises(PackError) as caught:
            reader.call("it", end, "refused")
        assert (caught.value.message, caught.value.hint) == ("not so", "but so")
        assert reader.call("it", pid) == first, "a refusal ends no process"
        with pytest.raises(OSError, match="No space") as full:
            reader.call("it", end, "disk")
        assert (full.value.errno, full.value.filename) == (28, "a.npz")


def test_who_waits_and_who_tells_too_much_is_ended():
    with pytest.raises(UnreadableError) as caught, Reader(Bounds(wall_s=1)) as reader:
        reader.call("it", asleep)
    assert caught.value.end == "time"
    with pytest.raises(UnreadableError) as caught, Reader(Bounds(reply_mb=1)) as reader:
        reader.call("it", wordy)
    assert caught.value.end == "reply"


def test_a_result_comes_in_pieces_until_its_process_ends():
    with Reader() as reader:
        assert list(reader.each("it", pieces, 3)) == [0, 1, 2]
        got = []
        with pytest.raises(UnreadableError):
            for number in reader.each("it", pieces, 9):
                got.append(number)
        assert got == [0, 1, 2]


def test_nothing_is_left_and_nobody_lives():
    with Reader() as reader:
        folder, child = Path(reader.call("it", litter)), reader.call("it", pid)
        assert folder.exists()
    assert not folder.exists()
    assert not folder.parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_the_process_gets_neither_variables_nor_modules_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "yaml.py").write_text("raise SystemExit(3)")
    (tmp_path / "msgspec.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert read("it", pid) != os.getpid()


@pytest.mark.slow  # it waits until the clock of a question would have ended
def test_a_reader_may_wait_between_two_questions_for_longer_than_one_may_take():
    with Reader(Bounds(wall_s=1)) as reader:
        assert reader.call("it", end, "") == 1
        time.sleep(8)
        assert reader.call("it", end, "") == 1
