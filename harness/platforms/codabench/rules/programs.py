"""Ingestion and scoring programs: whether the worker finds how to run them."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.errors import BundleError
from harness.plain_files import Files, plain_files
from harness.platforms.codabench.bundle import Bundle
from harness.platforms.codabench.metadata import (
    LONGEST,
    METADATA,
    command_fault,
    command_in,
    metadata_of,
    replace_variables,
)
from harness.platforms.codabench.rule import Found, Severity, name_of, rule, shown
from harness.platforms.codabench.rules.layout import JUNK
from harness.platforms.codabench.yaml_text import read_text

KINDS = ("ingestion_program", "scoring_program")
SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash", "/usr/bin/bash", "/usr/bin/env")
SHELL_WORDS = re.compile(r"&&|\|\||[|;<>`]|\$\(|\$\{?[A-Z_]")
TEXT_SUFFIXES = (".py", ".sh", ".json", ".yaml", ".yml", ".toml", ".txt", ".cfg", ".r", ".jl")
TEXT_BYTES = 2_000_000  # of one file
ALL_TEXTS = 20_000_000  # of all in a program


# A place that a text has for what is only known when the program runs.
BLANK = re.compile(r"%[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z]|\{[^{}\n]*\}|\$\{?\w+\}?")
# A key that is a variable, a call or joined of parts; a column of scores whose name is filled in.
KEY_BY_NAME = re.compile(
    r"""\[\s*[^\]\s"'\d:,-][^\]"',:]*\]\s*=(?!=)     # scores[name] =
    | \[[^\]\n]*["']\s*\+ | \[[^\]\n]*\+\s*["']       # ["f1_" + name]
    | \.(?:join|update|setdefault)\( | \bsetattr\(
    | \{\s*\*\* | ,\s*\*\*\w+\s*[,})] | \bdict\(\s*(?:zip|\*\*)
    | ["'](?:%s|\{\w*\})\s*["']?\s*[:=]              # "%s: %f"
    | \{[^{}]*:[^{}]*\bfor\b[^{}]*\bin\b[^{}]*\}""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Program:
    """A program of a bundle, as it arrives on the worker."""

    what: str
    kind: str
    folder: Path

    @functools.cached_property
    def files(self) -> Files:
        return plain_files(self.folder, follow=True)

    @property
    def metadata(self) -> Path | None:
        return metadata_of(self.folder)

    @functools.cached_property
    def command(self) -> str:
        """The command with its variables replaced, or "" where there is none."""
        if self.metadata is None:
            return ""
        kind = "ingestion" if self.kind == "ingestion_program" else "program"
        return replace_variables(command_in(self.metadata), kind, self.kind == "scoring_program")

    def texts(self) -> str:
        """All that is written in its files, for words that must occur somewhere."""
        found, room = [], ALL_TEXTS
        for name, path in self.files.plain.items():
            size = path.stat().st_size
            if name.suffix.lower() in TEXT_SUFFIXES and size < min(TEXT_BYTES, room):
                room -= size
                found.append(path.read_text(encoding="utf-8", errors="replace"))
        return "\n".join(found)


@functools.lru_cache(maxsize=1)
def _programs(bundle: Bundle) -> list[Program]:
    """Return each program once, however many tasks name it."""
    found: dict[tuple[str, str], Program] = {}
    for place, task in enumerate(bundle.items("tasks")):
        for kind in KINDS:
            source = bundle.file(task.get(kind))
            value = (kind, str(task.get(kind)))
            if source is None or value in found:
                continue
            with suppress(BundleError):  # R1 tells
                found[value] = Program(
                    f"{kind} {task[kind]!r} of task {name_of(task, place)}", kind, bundle.part(source)
                )
    return list(found.values())


@rule(
    "R1",
    Severity.FAILS,
    "the zip of a task or sample is damaged",
    "Bad zip file; the worker tries ten times, a minute apart.",
)
def damaged(bundle: Bundle) -> Found:
    seen = set()
    for item in (*bundle.items("tasks"), *bundle.items("solutions")):
        for key in (*KINDS, "input_data", "reference_data", "path"):
            source = bundle.file(item.get(key))
            if source is None or source.is_dir() or source in seen or source.suffix != ".zip":
                continue
            seen.add(source)
            try:
                bundle.part(source)
            except BundleError as error:
                yield f"{key} {item[key]!r}: {error.message.replace(str(source), source.name)}", "zip it anew"


@rule(
    "R2",
    Severity.FAILS,
    "a program has no metadata.yaml at its root",
    "Program directory missing 'metadata.yaml/metadata'; for scoring: Could not find scores file, did the scoring "
    "program output it?",
)
def metadata(bundle: Bundle) -> Found:
    for program in _programs(bundle):
        if program.metadata is not None:
            continue
        nested = [str(name) for name in program.files.plain if name.name in METADATA and "__MACOSX" not in name.parts]
        if nested:
            folder = PurePosixPath(nested[0]).parent
            yield (
                f"{program.what}: it lies at {nested[0]}",
                (f"zip the content of {folder}, not the folder; or name the folder itself"),
            )
        else:
            root = sorted(path.name for path in program.folder.iterdir() if path.name not in JUNK)
            script = next((name for name in root if name.endswith(".py")), "program.py")
            yield (
                f"{program.what} holds {shown(root) or 'nothing'}",
                (f"add metadata.yaml with the line: command: python3 {script}"),
            )


@rule(
    "R3",
    Severity.FAILS,
    "the metadata of a program has no command",
    "Program directory missing 'command' in metadata; for scoring: Could not find scores file, did the scoring program "
    "output it?",
)
def command(bundle: Bundle) -> Found:
    for program in _programs(bundle):
        if program.metadata is not None and not program.command:
            said = read_text(program.metadata).strip()[:60]
            yield f"{program.what}: {program.metadata.name} holds {said!r}", "write: command: python3 program.py"


@rule(
    "R4",
    Severity.FAILS,
    "a command needs a shell",
    "It is split into words and started as it is: && and > become arguments.",
)
def shell(bundle: Bundle) -> Found:
    for program in _programs(bundle):
        words = _words(program.command)
        if words and words[0] not in SHELLS and (found := SHELL_WORDS.search(program.command)):
            yield (
                f"{program.what}: {program.command!r} has {found[0]}",
                (f"write: command: bash -c {shlex.quote(program.command)}"),
            )


@rule(
    "R5",
    Severity.FAILS,
    "a command names a file that is not in its program",
    "can't open file '…': No such file or directory",
)
def missing_script(bundle: Bundle) -> Found:
    for program in _programs(bundle):
        for word in _words(program.command):
            name = word.removeprefix("/app/program/")
            if not re.search(r"\.(py|sh|r|jl)$", name, re.IGNORECASE) or name.startswith("/"):
                continue
            if PurePosixPath(name) not in program.files.plain:
                there = [path for path in program.files.plain if path.suffix == PurePosixPath(name).suffix]
                yield (
                    f"{program.what}: {name}; it holds {shown(there) or 'no such file'}",
                    ("correct the name in the command; the working directory is the root of the program"),
                )


@rule(
    "R6",
    Severity.FAILS,
    "a command names a folder that is not mounted",
    "In every container /app/program is that container's own code; /app/ingestion_program is documented and not there.",
)
def unmounted(bundle: Bundle) -> Found:
    always = {"program", "output", "data"}
    mounted = {
        "ingestion_program": always | {"ingested_program", "input_data"},
        "scoring_program": always | {"input", "shared"},
    }
    during = any(task.get("ingestion_only_during_scoring") for task in bundle.items("tasks"))
    for program in _programs(bundle):
        there = mounted[program.kind] | ({"input", "shared", "input_data"} if during else set())
        for name in sorted(set(re.findall(r"/app/(\w+)", program.command)) - there):
            yield (
                f"{program.what}: /app/{name}",
                (f"use one of {shown((f'/app/{one}' for one in sorted(there)), 9)}; your own code is /app/program"),
            )


@rule(
    "R7",
    Severity.SILENT,
    "a scoring program names no file of scores",
    "Could not find scores file, did the scoring program output it?",
)
def scores_file(bundle: Bundle) -> Found:
    for program in _programs(bundle):
        if program.kind == "scoring_program" and program.command:
            text = program.texts()
            if text and "scores.json" not in text and "scores.txt" not in text:
                yield (
                    f"{program.what}: neither scores.json nor scores.txt stands in its files",
                    ("write /app/output/scores.json: one object, column key to finite number"),
                )


@rule("R8", Severity.SILENT, "a column is never filled", "The cell stays empty; scores under other keys are dropped.")
def unfilled_column(bundle: Bundle) -> Found:
    for program, keys in _missing_keys(bundle, made=False):
        yield (
            f"{program.what}: {shown(keys)} stands in none of its files",
            ("let the keys of columns be those that the program writes into scores.json"),
        )


@rule("R10", Severity.ADVICE, "a column may not be filled", "An empty cell; scores under other keys are dropped.")
def doubtful_column(bundle: Bundle) -> Found:
    for program, keys in _missing_keys(bundle, made=True):
        yield (
            f"{program.what}: {shown(keys)} stands in none of its files, which may make it when they run",
            ("see which keys it writes: hemobench codabench rehearse BUNDLE ENTRY"),
        )


def _missing_keys(bundle: Bundle, *, made: bool) -> Iterator[tuple[Program, list[str]]]:
    """Yield scoring programs with the keys of columns that do not stand in them, those that they may make or others."""
    keys = [str(column["key"]) for column in bundle.columns() if column.get("key")]
    for program in _programs(bundle):
        text = program.texts() if program.kind == "scoring_program" else ""
        if missing := [key for key in keys if text and key not in text and made_of(text, key) == made]:
            yield program, missing


def made_of(text: str, key: str) -> bool:
    """Tell whether a program with this text may make `key` when it runs: it has a text to be filled in that fits.

    Keys that are joined, taken from a variable or read from elsewhere may be any.

    Examples
    --------
    >>> made_of('write("set%d_score: %f" % (1, x))', "set1_score"), made_of("s[f'{name}_f1'] = 1", "disc_f1")
    (True, True)
    >>> made_of('print(f"{n} images, seen {share:.1%}")', "set1_score"), made_of("s[name] = 1", "set1_score")
    (False, True)
    """
    words = re.findall(r"[\w\0.-]*\0[\w\0.-]*", BLANK.sub("\0", text))
    forms = {word.strip(".-") for word in words if word.strip("\0.-")}
    return bool(KEY_BY_NAME.search(text)) or any(
        re.fullmatch(re.sub(r"\0+", ".*", re.escape(form).replace(re.escape("\0"), "\0")), key) for form in forms
    )


@rule(
    "R9",
    Severity.FAILS,
    "a command cannot be started",
    "No closing quotation / Argument list too long",
)
def startable(bundle: Bundle) -> Found:
    for program in _programs(bundle):
        if program.command and (fault := command_fault(program.command)):
            yield f"{program.what}: its command {fault}", "write: command: python3 program.py"


def _words(command: str) -> list[str]:
    if len(command) > LONGEST:  # R9 tells
        return []
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
