"""The zip itself, and whether ``competition.yaml`` can be read."""

from __future__ import annotations

from pathlib import PurePosixPath

import yaml

from harness.plain_files import is_plain
from harness.platforms.codabench.bundle import YAML, Bundle
from harness.platforms.codabench.rule import Found, Severity, rule, shown
from harness.platforms.codabench.yaml_text import FAULTS

JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "__pycache__", ".ipynb_checkpoints", ".git"}


@rule(
    "L1",
    Severity.REFUSED,
    "competition.yaml is not at the root of the zip",
    "competition.yaml is missing from zip, check your folder structure to make sure it is in the root directory.",
)
def missing_yaml(bundle: Bundle) -> Found:
    if is_plain(bundle.root / YAML):
        return
    nested = [str(path) for path in bundle.files.plain if path.name == YAML and "__MACOSX" not in path.parts]
    there = sorted(path.name for path in bundle.root.iterdir())
    others = [name for name in there if PurePosixPath(name).suffix.lower() in (".yaml", ".yml")]
    if nested:
        folder = str(PurePosixPath(nested[0]).parent)
        yield f"it lies at {nested[0]}", f"zip the content of the folder: cd {folder} && zip -r ../bundle.zip ."
    elif others:
        yield f"the root holds {shown(others)}", f"rename {others[0]} to {YAML}, in small letters"
    else:
        yield f"the root holds {shown(there) or 'nothing'}", f"add {YAML}"


@rule(
    "L2",
    Severity.REFUSED,
    "competition.yaml cannot be read",
    "Unpacking the bundle failed. Here is the error log: …",
)
def unreadable_yaml(bundle: Bundle) -> Found:
    if bundle.fault and is_plain(bundle.root / YAML):
        yield bundle.fault, "correct that line; a text that holds ': ', '#' or a leading '*', '&', '@' needs quotes"


@rule("L3", Severity.SILENT, "a key stands twice", "The last one counts, the others are gone.")
def doubled_key(bundle: Bundle) -> Found:
    try:
        node = yaml.compose(bundle.text, Loader=yaml.SafeLoader)
    except FAULTS:
        return
    stack = [node] if node else []
    visited: set[int] = set()  # an alias may lead back to where it stands
    while stack:
        one = stack.pop()
        if id(one) in visited:
            continue
        visited.add(id(one))
        if isinstance(one, yaml.SequenceNode):
            stack += one.value
        elif isinstance(one, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in one.value:
                stack.append(value)
                name = str(key.value)
                if name in seen:
                    yield f"{name}, again in line {key.start_mark.line + 1}", "remove one of the two"
                seen.add(name)


@rule(
    "L4",
    Severity.ADVICE,
    "leftovers of a desktop or an editor travel along",
    "In a program's zip they can take the place of its root: submissions then hang until the time limit.",
)
def junk(bundle: Bundle) -> Found:
    found = sorted(str(name) for name in (*bundle.files.plain, *bundle.files.folders) if name.name in JUNK)
    if found:
        yield shown(found), "remove them, or zip with: zip -r bundle.zip . -x '*.DS_Store' '__MACOSX/*' '*__pycache__*'"


@rule(
    "L5",
    Severity.SILENT,
    "a file is no plain file",
    "A zip holds none of these; a rehearsal leaves them behind.",
)
def special(bundle: Bundle) -> Found:
    if found := [f"{name}: {reason}" for name, reason in bundle.files.left_out.items()]:
        yield shown(found), "remove them, or copy the file itself there: cp -L"
