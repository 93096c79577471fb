"""Solutions: sample submissions, which the server offers and holds against tasks."""

from __future__ import annotations

import contextlib

from harness.errors import BundleError
from harness.platforms.codabench.bundle import Bundle, is_uuid
from harness.platforms.codabench.metadata import command_in, metadata_of
from harness.platforms.codabench.rule import Found, Severity, name_of, rule, shown


@rule(
    "S1",
    Severity.REFUSED,
    "a solution has no index or no tasks",
    "ERROR: No index for solution: … / Could not find tasks for solution: …",
)
def solution_keys(bundle: Bundle) -> Found:
    for place, solution in enumerate(bundle.items("solutions")):
        for key, fix in (("index", f"add: index: {place}"), ("tasks", "add: tasks: [0]")):
            if key not in solution:
                yield f"solution {name_of(solution, place)} has no {key}", fix


@rule("S2", Severity.REFUSED, "a solution names a task that is not there", "The message is only: 'key'")
def solution_tasks(bundle: Bundle) -> Found:
    for place, solution in enumerate(bundle.items("solutions")):
        listed = solution.get("tasks")
        for index in listed if isinstance(listed, list) else []:
            if bundle.task(index) is None:
                yield f"solution {name_of(solution, place)}: task {index!r}", f"name one of {shown(bundle.indexes())}"


@rule(
    "S3",
    Severity.REFUSED,
    "the file of a solution is not there",
    'Solution … missing "path" / Cannot find dataset: "…"',
)
def solution_path(bundle: Bundle) -> Found:
    for place, solution in enumerate(bundle.items("solutions")):
        path = solution.get("path")
        if "key" in solution:
            continue
        if path is None:
            yield f"solution {name_of(solution, place)} has no path", "add: path: solution/"
        elif bundle.file(path) is None and not is_uuid(path):
            yield f"solution {name_of(solution, place)}: {path!r} is not in the bundle", "add the zip or folder"


@rule(
    "S4",
    Severity.SILENT,
    "a sample submission has a metadata file without a command",
    "Nothing of it is copied into the output: a result submission of that shape gives empty predictions.",
)
def stray_metadata(bundle: Bundle) -> Found:
    for place, solution in enumerate(bundle.items("solutions")):
        source = bundle.file(solution.get("path"))
        if source is None:
            continue
        with contextlib.suppress(BundleError):  # R1 tells
            found = metadata_of(bundle.part(source))
            if found and not command_in(found):
                yield f"solution {name_of(solution, place)}: {found.name}", f"remove {found.name}"
