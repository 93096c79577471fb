"""Strangers' files are parsed in a process of their own, with limits of time and memory, and one sentence for each end.

The process is a fresh interpreter, not a fork: a fork would hold all that its parent holds, the hidden labels among it,
and cannot be had safely where the parent has threads, as NumPy's parent has.  It costs 0.1 s.  What it is asked for are
functions of this package, by name; arguments and results travel as JSON, so that nothing is unpickled, and their size
is bounded.  JSON comes from the standard library: the names of files and the strings in a program may hold lone
surrogates, which msgspec does not write.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import msgspec

if __name__ == "__main__":  # run by path, isolated: the current folder and the environment name no module
    sys.path.append(str(Path(__file__).parents[1]))

from harness import errors
from harness.errors import HarnessError, UnreadableError
from harness.tree import remove
from harness.words import printable

P = ParamSpec("P")
T = TypeVar("T")

MB = 1_000_000
CHUNK = 1 << 16
HINT = "It is damaged, or made to stop whoever reads it: look into it, or make it anew."
OUR_FAULT = "That is a fault of Hemobench: please report it, with the file."
STOPPED_BY_TIME = (-signal.SIGXCPU, -signal.SIGALRM)


@dataclass(frozen=True)
class Bounds:
    """What reading may cost; of a result that comes in pieces, each piece.

    Attributes
    ----------
    cpu_s : int, seconds
        Processor time of all threads.
    wall_s : int, seconds
        Many times as long, so that a busy machine ends nothing.
    memory_mb : int
        Memory of its own, beside files that it maps.
    file_mb : int
        Size of any one file that it writes.
    reply_mb : int
        Size of a result.
    """

    cpu_s: int = 10
    wall_s: int = 180
    memory_mb: int = 1000
    file_mb: int = 4000
    reply_mb: int = 32


def read(what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what a function returns, called in a process of its own with the usual bounds: see `Reader.call`."""
    with Reader() as reader:
        return reader.call(what, function, *args, **kwargs)


class Reader:
    """A process that reads strangers' files, one call after another; after a bad end, the next call starts another.

    Its temporary files lie in a folder that is removed with it, however it ends.
    """

    def __init__(self, bounds: Bounds | None = None, *, pass_fds: Sequence[int] = ()) -> None:
        self.bounds = bounds or Bounds()
        self._pass_fds = tuple(pass_fds)
        self._process: subprocess.Popen[bytes] | None = None
        self._home = ""
        self._unread = b""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def call(self, what: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a function of a module returns, called in the other process.

        Parameters
        ----------
        what : str
            The name of what is read, for people.
        function : function
            Its annotations say what its arguments and its result are made of: plain values, paths, dataclasses.

        Raises
        ------
        UnreadableError
            The process was ended, or ended by itself.
        HarnessError, OSError
            As the function raises them.
        """
        self._ask(function, args, kwargs)
        (result,) = self._results(what, typing.get_type_hints(function)["return"])
        return typing.cast(T, result)

    def each(self, what: str, function: Callable[P, Iterator[T]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        """Yield what a generator function yields, called in the other process; otherwise as `call`."""
        self._ask(function, args, kwargs)
        yield from self._results(what, typing.get_args(typing.get_type_hints(function)["return"])[0])

    def end(self) -> None:
        """End the process, and remove its temporary files."""
        if self._process:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
            remove(Path(self._home))
            self._process = None

    def _ask(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        process = self._process or self._start()
        name = f"{function.__module__}:{function.__qualname__}"
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is told where the answer is missing
            process.stdin.write(_line({"function": name, "args": args, "kwargs": kwargs}))
            process.stdin.flush()

    def _start(self) -> subprocess.Popen[bytes]:
        self._home = tempfile.mkdtemp(prefix="hemobench-reading-")
        self._unread = b""
        command = [sys.executable, "-I", "-X", "utf8", __file__, json.dumps(asdict(self.bounds))]
        # One thread for algebra, since each has buffers that count as memory.
        environment = {"TMPDIR": self._home, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            pass_fds=self._pass_fds,
        )
        return self._process

    def _results(self, what: str, kind: Any) -> Iterator[Any]:
        """Yield the pieces of a result, each of this type; whatever goes wrong ends the process."""
        done = False
        try:
            while True:
                try:
                    name, value = json.loads(self._next_line(what))
                    value = msgspec.convert(value, kind, dec_hook=_from_plain) if name == "item" else value
                except (ValueError, TypeError, RecursionError) as error:  # no honest process answers so
                    raise self._ended(what, "crash") from error
                if name == "done":
                    done = True
                    return
                if name != "item":
                    done = name == "error"
                    raise self._error(what, name, value)
                yield value
        finally:
            if not done:
                self.end()

    def _next_line(self, what: str) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        source = self._process.stdout.fileno()
        deadline = time.monotonic() + self.bounds.wall_s
        while b"\n" not in self._unread[-CHUNK:] and b"\n" not in self._unread:
            if not select.select([source], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise self._ended(what, "time")
            data = os.read(source, CHUNK)
            if not data:
                raise self._ended(what, "time" if self._process.wait() in STOPPED_BY_TIME else "crash")
            self._unread += data
            if len(self._unread) > self.bounds.reply_mb * MB:
                raise self._ended(what, "reply")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _error(self, what: str, name: str, value: Any) -> Exception:
        """Return the exception for a call that did not succeed."""
        match name, value:
            case "error", [str() as kind, str() as message, str() as hint]:
                found = getattr(errors, kind, None)
                ours = isinstance(found, type) and issubclass(found, HarnessError)
                return typing.cast(type[HarnessError], found)(message, hint) if ours else HarnessError(message, hint)
            case "os", [errno.EFBIG, _, _]:
                return self._ended(what, "size")
            case "os", [int() as number, str() as words, file]:
                return OSError(number, words, *([str(file)] if file else []))
            case "fault", str():
                return self._ended(what, "fault", value)
            case (("memory" | "depth"), _):
                return self._ended(what, name)
        return self._ended(what, "crash")

    def _ended(self, what: str, end: str, said: str = "") -> UnreadableError:
        sentences = {
            "time": "that took too long",
            "memory": f"that took more than {self.bounds.memory_mb:,} MB of memory",
            "depth": "it is nested too deeply",
            "crash": "the process that read it crashed",
            "size": f"more than {self.bounds.file_mb:,} MB come out of it",
            "reply": f"it holds more than {self.bounds.reply_mb} MB of what can be told of it",
            "fault": f"the process that read it stopped with {said}",
        }
        message = printable(f"{what} cannot be read: {sentences[end]}.")
        return UnreadableError(message, OUR_FAULT if said else HINT, end=end)


def _line(message: object) -> bytes:
    return json.dumps(msgspec.to_builtins(message, enc_hook=_to_plain)).encode() + b"\n"


def _to_plain(value: Any) -> Any:
    if isinstance(value, Path):
        return os.fsencode(value).decode("latin-1")  # any bytes may stand in a name
    raise NotImplementedError(f"{type(value).__name__} does not travel")


def _from_plain(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(os.fsdecode(value.encode("latin-1")))
    raise NotImplementedError(f"{kind.__name__} does not travel")


def _serve(bounds: Bounds) -> None:
    """Answer calls until nobody asks any more."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    for name, most in (("CORE", 0), ("DATA", bounds.memory_mb * MB), ("FSIZE", bounds.file_mb * MB)):
        _limit(getattr(resource, f"RLIMIT_{name}"), most)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - not on macOS
        file.write("1000")  # where memory runs out on the machine, this goes first
    for line in sys.stdin.buffer:
        try:
            for answer in _answers(json.loads(line), bounds):
                _say(answers, _line(answer))
        except MemoryError:
            _say(answers, b'["memory", null]\n')
            return
        except RecursionError:
            _say(answers, b'["depth", null]\n')
        except HarnessError as error:
            _say(answers, _line(["error", [type(error).__name__, error.message, error.hint]]))
        except OSError as error:
            number = error.errno or errno.EIO
            words = str(error.strerror or error)[:1000]
            _say(answers, _line(["os", [number, words, str(error.filename)[:1000] if error.filename else None]]))
        except Exception as error:
            _say(answers, _line(["fault", f"{type(error).__name__}: {error}"[:300]]))
        signal.alarm(0)  # until the next question comes, it may wait for as long as its parent lives


def _answers(request: dict[str, Any], bounds: Bounds) -> Iterator[object]:
    _give_time(bounds)
    module, _, name = request["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    hints = typing.get_type_hints(function)
    names = function.__code__.co_varnames
    given = dict(zip(names, request["args"], strict=False)) | request["kwargs"]
    result = function(**{key: msgspec.convert(one, hints[key], dec_hook=_from_plain) for key, one in given.items()})
    for item in result if isinstance(result, Iterator) else (result,):
        yield "item", item
        _give_time(bounds)
    yield "done", None


def _give_time(bounds: Bounds) -> None:
    """Start the clocks anew; the signals that they end in are not caught."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + bounds.cpu_s, hard=False)
    signal.alarm(bounds.wall_s + 5)  # the parent has no patience any more, or is dead


def _limit(what: int, most: int, *, hard: bool = True) -> None:
    _, above = resource.getrlimit(what)
    most = most if above == resource.RLIM_INFINITY else min(most, above)
    with contextlib.suppress(ValueError, OSError):  # macOS knows some of them and sets none
        resource.setrlimit(what, (most, most if hard else above))


def _say(answers: int, line: bytes) -> None:
    while line:
        line = line[os.write(answers, line) :]


if __name__ == "__main__":
    _serve(Bounds(**json.loads(sys.argv[1])))
