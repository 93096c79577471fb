"""The metadata file of a program or submission: the command that the worker runs, and nothing else."""

from __future__ import annotations

import shlex
from pathlib import Path

from harness.errors import UnreadableError
from harness.limited import read
from harness.platforms.codabench.yaml_text import YamlFault, load, read_text

LONGEST = 100_000  # bytes of a command; Linux takes 128 KiB

METADATA = ("metadata.yaml", "metadata")  # the first that is at the root of the folder counts


def metadata_of(folder: Path) -> Path | None:
    """Return the metadata file of a program, if it has one at its root."""
    return next((folder / name for name in METADATA if (folder / name).exists()), None)


def command_in(metadata: Path) -> str:
    """Return the command in a metadata file, empty where there is none."""
    try:
        found = load(read_text(metadata))
    except (YamlFault, OSError):
        return ""
    command = found.get("command") if isinstance(found, dict) else None
    return command if isinstance(command, str) else ""


def read_command(metadata: Path) -> str:
    """Do what `command_in` does, in a process of its own."""
    try:
        return read(metadata.name, command_in, metadata)
    except UnreadableError:
        return ""


def command_fault(command: str) -> str:
    """Say why a command cannot be started, whatever it names; empty where it can.

    Examples
    --------
    >>> command_fault("python3 'x"), command_fault("python3 x.py")
    ('cannot be split into words: No closing quotation', '')
    """
    if len(command.encode("utf-8", "surrogatepass")) > LONGEST:
        return f"has more than {LONGEST:,} bytes"
    if "\0" in command or any("\ud800" <= letter <= "\udfff" for letter in command):
        return "holds a character that no command can"
    try:
        words = shlex.split(command)
    except ValueError as error:
        return f"cannot be split into words: {error}"
    return "" if words else "names no program"


def replace_variables(command: str, kind: str, is_scoring: bool, during_scoring: bool = False) -> str:
    """Replace the variables of old bundles in a command, in the worker's order.

    Examples
    --------
    >>> replace_variables("python $program/score.py $input $output", "program", True)
    'python /app/program/score.py /app/input /app/output'
    >>> replace_variables("python run.py $input $submission_program", "ingestion", False)
    'python run.py /app/input_data /app/ingested_program'
    """
    places = {
        "$input": "/app/input_data" if kind == "ingestion" else "/app/input",
        "$output": "/app/output",
        "$program": "/app/ingestion_program" if during_scoring else "/app/program",
        "$ingestion_program": "/app/program",
        "$hidden": "/app/input/ref",
        "$shared": "/app/shared",
        "$submission_program": "/app/ingested_program",
        "$tmp": "/app/output",
        "$predictions": "/app/input/res" if is_scoring else "/app/output",
    }
    for variable, place in places.items():
        command = command.replace(variable, place)
    return command
