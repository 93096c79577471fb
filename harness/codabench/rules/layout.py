"""The zip itself, and whether ``competition.yaml`` can be read."""

from __future__ import annotations

from pathlib import PurePosixPath

import yaml

from harness.codabench.bundle import YAML, Bundle
from harness.codabench.rule import Found, Severity, below, rule, shown

JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "__pycache__", ".ipynb_checkpoints", ".git"}


@rule(
    "L1",
    Severity.REFUSED,
    "competition.yaml is not at the root of the zip",
    "competition.yaml is missing from zip, check your folder structure to make sure it is in the root directory.",
)
def missing_yaml(bundle: Bundle) -> Found:
    if (bundle.root / YAML).is_file():
        return
    nested = sorted(below(bundle.root, path) for path in bundle.root.rglob(YAML) if "__MACOSX" not in path.parts)
    others = sorted(path.name for path in bundle.root.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    if nested:
        folder = str(PurePosixPath(nested[0]).parent)
        yield f"it lies at {nested[0]}", f"zip the content of the folder: cd {folder} && zip -r ../bundle.zip ."
    elif others:
        yield f"the root holds {shown(others)}", f"rename {others[0]} to {YAML}, in small letters"
    else:
        yield f"the root holds {shown(sorted(path.name for path in bundle.root.iterdir())) or 'nothing'}", f"add {YAML}"


@rule(
    "L2",
    Severity.REFUSED,
    "competition.yaml cannot be read",
    "Unpacking the bundle failed. Here is the error log: …",
)
def unreadable_yaml(bundle: Bundle) -> Found:
    if bundle.fault and (bundle.root / YAML).is_file():
        yield bundle.fault, "mend that line; a text that holds ': ', '#' or a leading '*', '&', '@' needs quotes"


@rule("L3", Severity.SILENT, "a key stands twice", "The last one counts, the others are gone.")
def doubled_key(bundle: Bundle) -> Found:
    try:
        node = yaml.compose(bundle.text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
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
    found = sorted(below(bundle.root, path) for path in bundle.root.rglob("*") if path.name in JUNK)
    if found:
        yield shown(found), "remove them, or zip with: zip -r bundle.zip . -x '*.DS_Store' '__MACOSX/*' '*__pycache__*'"
