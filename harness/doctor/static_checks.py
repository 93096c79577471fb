"""Will it load?  What reading a submission tells, before anything of it runs."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import msgspec

from harness.doctor import notebook
from harness.doctor.findings import Finding, Severity
from harness.doctor.fit import Target
from harness.doctor.repair import Edit, Plan
from harness.doctor.saved_models import saved_models
from harness.doctor.static_analysis import Code, Import, Named, foreign_imports, read_code
from harness.doctor.versions import check_saved, newer_names
from harness.errors import UnreadableError, did_you_mean
from harness.python_source import LARGEST, as_utf8
from harness.sandbox.wrong_files import WrongFile, wrong_files

CODABENCH_FOLDERS = ("/app/ingested_program/", "/app/program/")
CONTRACT = ("syntax", "no-model", "no-predict", "init-arguments", "older-contract", "predict-arguments")
SHOWN = 6  # names listed of many
LISTED = 100  # file names in the code that are looked for, and names too new for the target
LONGEST = 600  # characters of a text of a finding


@dataclass(frozen=True)
class Reading:
    """What was read, and how it is to be repaired."""

    findings: tuple[Finding, ...]
    plan: Plan

    @property
    def hopeless(self) -> bool:
        """Whether running it could only say the same in other words."""
        return any(one.code in CONTRACT and not one.fixable for one in self.findings)


def read(
    folder: Path, files: frozenset[str], target: Target, building: Path, modules: frozenset[str] | None = None
) -> Reading:
    """Read an unpacked submission; to be called in a process of its own, by `harness.limited.read`.

    Parameters
    ----------
    folder : Path
    files : frozenset of str
        All its files, relative to `folder`.
    target : Target
    building : Path
        A folder for repaired copies of its files.
    modules : frozenset of str, optional
        What its runtime here has, where that is not our own environment.
    """
    wrong = {one.name: one for one in wrong_files(folder)}
    if script := wrong.get("model.py"):
        return _no_script(script, folder, building)
    if (folder / "model.py").stat().st_size > LARGEST:
        return Reading((_too_long(),), Plan())
    code = read_code(folder, target.python)
    if lines := notebook.lines_of(folder / "model.py"):
        found_lines, of_script = notebook.examine(folder / "model.py", lines, building)
        if code.error:
            return Reading((found_lines,), Plan(files=of_script))
    if code.error:
        return Reading((_no_python(code.error, ""),), Plan())
    found, plan = _contract(code)
    if code.too_new:
        found.append(_no_python(code.too_new, target.python))
    for named in itertools.islice((named for uses in code.uses.values() for named in uses.named), LISTED):
        if told := _named_file(named, files):
            found.append(told[0])
            plan = replace(plan, edits=plan.edits + told[1])
    imported = foreign_imports(code.uses.values(), folder)
    has = target.has if modules is None or not target.is_here else modules.__contains__
    found += [_missing_import(one, target) for one in imported if not has(one.package)]
    found += itertools.islice(newer_names(code, target), LISTED)
    if lines:
        found.append(found_lines)
        plan = replace(plan, files=plan.files + of_script)
    found += map(_wrong_file, wrong.values())
    for saved in saved_models(folder):
        if saved.name in wrong:
            continue
        findings, repaired = check_saved(saved, code, target, folder, building)
        found += findings
        plan = replace(plan, files=plan.files + repaired)
    return Reading(tuple({(one.code, one.title): one for one in map(_shortened, found)}.values()), plan)


def unread(error: UnreadableError) -> Reading:
    """Return what there is to say of a submission that its reader did not come to an end with: running it may tell."""
    return Reading((Finding(code="unread", severity=Severity.WARNING, title=error.message, fix=error.hint),), Plan())


def _no_script(wrong: WrongFile, folder: Path, building: Path) -> Reading:
    """Say that ``model.py`` is no script; one in another encoding is saved anew."""
    plan = Plan()
    if wrong.encoding:
        building.mkdir(parents=True, exist_ok=True)
        copy = building / wrong.name
        copy.write_bytes(as_utf8((folder / wrong.name).read_bytes(), wrong.encoding))
        plan = Plan(files=((wrong.name, str(copy)),))
    finding = Finding(
        code="syntax",
        severity=Severity.FAIL,
        title=f"model.py is {wrong.what}, expected a Python script",
        cause="Python stops at its first line, before anything is run.",
        fix=wrong.way,
        fixable=bool(wrong.encoding),
    )
    return Reading((finding,), plan)


def _wrong_file(wrong: WrongFile) -> Finding:
    return Finding(
        code="wrong-file",
        severity=Severity.WARNING,
        title=f"{wrong.name} is {wrong.what}",
        cause="Its first bytes are not those of what its name says.",
        evidence=f"{wrong.name} in the zip",
        fix=wrong.way,
        subject=wrong.name,
    )


def _too_long() -> Finding:
    return Finding(
        code="unread",
        severity=Severity.WARNING,
        title=f"model.py has more than {LARGEST:,} bytes and was not read",
        cause="Its code, the files it names and the saved models were not looked at; it is run all the same.",
        fix="Put weights and data into files of their own.",
    )


def _shortened(finding: Finding) -> Finding:
    """Cut texts that quote what a stranger has made endless."""
    texts = {name: getattr(finding, name) for name in ("title", "evidence", "fix")}
    return msgspec.structs.replace(
        finding, **{name: text if len(text) <= LONGEST else f"{text[:LONGEST]} …" for name, text in texts.items()}
    )


def _no_python(error: str, version: str) -> Finding:
    """Say that ``model.py`` cannot be read: at all, or by the target's `version`, of which nobody is sure."""
    return Finding(
        code="syntax-of-target" if version else "syntax",
        severity=Severity.WARNING if version else Severity.FAIL,
        title=f"model.py is not Python{f' {version}' if version else ''}",
        cause=f"Python {version} is taken to be there; it stops at the line before anything is run."
        if version
        else "Python stops at the line before anything is run.",
        evidence=f"model.py, {error}",
        fix="Write that line in older words." if version else "Correct it; try it with: python -c 'import model'",
    )


def _contract(code: Code) -> tuple[list[Finding], Plan]:
    """Compare the class with what is called: ``Model()``, then ``predict(X)``."""
    model = code.model
    if code.elsewhere:
        return [], Plan()
    if model is None:
        return [
            Finding(
                code="no-model",
                severity=Severity.FAIL,
                title="model.py has no class Model",
                cause="The contest calls Model() and then predict(X).",
                evidence=f"Its classes: {', '.join(code.classes[:SHOWN])}." if code.classes else "It has no class.",
                fix=_rename("Model", code.classes) or "hemobench new NAME writes one to start from.",
            )
        ], Plan()
    if model.predict_needs is None and not model.inherits:
        return [
            Finding(
                code="no-predict",
                severity=Severity.FAIL,
                title=f"class {model.name} has no method predict",
                cause="The contest calls predict(X) and takes what it returns as labels.",
                evidence=f"Its methods: {', '.join(model.methods[:SHOWN]) or 'none'}.",
                fix=_rename("predict", model.methods) or "Add: def predict(self, X), returning one label per image.",
            )
        ], Plan()
    found = []
    plan = Plan(entry_class=model.name, takes_path=len(model.needs) == 1)
    if model.name != "Model" and model.needs:
        found.append(
            Finding(
                code="older-contract",
                severity=Severity.FAIL,
                title="It is written for the older contract",
                cause="There, a class model was given the folder of its files, and predict returned a tensor. Here, "
                "Model() takes no argument and predict returns integer labels as an array.",
                evidence=f"class {model.name}, __init__(self, {', '.join(model.needs)})"
                + (", predict returning a TensorFlow tensor" if model.returns_tensor else ""),
                fix="Name the class Model, give __init__ no argument, open files by their bare names, and return "
                "np.asarray(labels).",
                fixable=len(model.needs) == 1,
            )
        )
    elif model.name != "Model":
        found.append(
            Finding(
                code="class-name",
                severity=Severity.FAIL,
                title=f"The class is called {model.name}, expected Model",
                cause="The contest does: from model import Model. Capital letters count.",
                evidence=f"Classes in model.py: {', '.join(code.classes[:SHOWN])}.",
                fix=f"Rename class {model.name} to Model.",
                fixable=True,
            )
        )
    elif model.needs:
        found.append(
            Finding(
                code="init-arguments",
                severity=Severity.FAIL,
                title=f"Model() takes no argument, but yours needs {', '.join(model.needs)}",
                cause="The contest makes the model with Model().",
                evidence=f"def __init__(self, {', '.join(model.needs)})",
                fix="Give each a default, for instance path='.': the working directory is the unzipped folder.",
                fixable=len(model.needs) == 1,
            )
        )
    needed = model.predict_needs
    if needed is not None and len(needed) != 1:
        found.append(
            Finding(
                code="predict-arguments",
                severity=Severity.FAIL,
                title="predict must take the images, and nothing else",
                cause="The contest calls predict(X).",
                evidence=f"def predict(self{''.join(f', {name}' for name in needed)})",
                fix="Write def predict(self, X), and give other arguments a default.",
            )
        )
    return found, plan


def _rename(word: str, names: tuple[str, ...]) -> str:
    """Return what to do where one of `names` was meant to be `word`; empty where none is near it."""
    close = difflib.get_close_matches(word, names[:LISTED], n=1, cutoff=0.6)
    return f"Rename {close[0]} to {word}." if close else ""


def _named_file(named: Named, files: frozenset[str]) -> tuple[Finding, tuple[Edit, ...]] | None:
    """Compare a file that the code names with those of the zip."""
    path = named.value.replace("\\", "/")
    if path.startswith("/") and path.count("/") == 1:  # the end of FOLDER + "/NAME"
        path = path[1:]
    where = f"{named.file}, line {named.line}: {named.value!r}"
    absolute = path.startswith(("/", "~")) or path[1:3] == ":/"
    if absolute:
        return None if path.startswith(("/tmp/", "/dev/")) else _absolute(named, path, where, files)
    bare = str(PurePosixPath(path))
    if bare in files or any(name.endswith(f"/{bare}") for name in files):  # joined to a folder, most likely
        return None
    same = [name for name in files if name.casefold() == bare.casefold()]
    same += [name for name in files if name.casefold().endswith(f"/{bare.casefold()}") and name not in same]
    if same:
        there = ("/" if named.value.startswith("/") else "") + same[0][-len(bare) :]
        return Finding(
            code="file-case",
            severity=Severity.WARNING,
            title=f"{bare} is named in other letters than the zip has it",
            cause="Windows and macOS take upper and lower case for the same; Linux, which scores, does not.",
            evidence=f"{where}; the zip holds {same[0]!r}",
            fix=f"Write {there!r} in the code.",
            subject=bare,
            fixable=True,
        ), (_edit(named, there),)
    near = did_you_mean(bare, files) if files else ""
    return Finding(
        code="file-absent",
        severity=Severity.WARNING,
        title=f"{bare} is named in the code and is not in the zip",
        cause="Opening it fails, unless the code makes it first.",
        evidence=where,
        subject=bare,
        fix=f"Put it into the zip, or change the name. {near if near.startswith('Did') else ''}".strip(),
    ), ()


def _absolute(named: Named, path: str, where: str, files: frozenset[str]) -> tuple[Finding, tuple[Edit, ...]]:
    name = PurePosixPath(path).name
    inner = next((path.removeprefix(folder) for folder in CODABENCH_FOLDERS if path.startswith(folder)), name)
    there = [inner] if inner in files else [other for other in files if PurePosixPath(other).name == name]
    fixable = len(there) == 1
    return Finding(
        code="absolute-path",
        severity=Severity.WARNING,
        title=f"An absolute path is named: {path}",
        cause="It is a place of one machine; here the zip lies elsewhere."
        + (" On Codabench that folder exists." if path.startswith(CODABENCH_FOLDERS) else ""),
        subject=path,
        evidence=where + ("" if there else "; no file of the zip has that name"),
        fix=f"Write {there[0]!r}: the working directory is the unzipped folder."
        if fixable
        else "Put the file into the zip and name it without a folder.",
        fixable=fixable,
    ), ((_edit(named, there[0]),) if fixable else ())


def _edit(named: Named, new: str) -> Edit:
    return Edit(named.file, named.line, named.start, named.end, repr(new))


def _missing_import(one: Import, target: Target) -> Finding:
    """Say that a package is not there: for sure on this machine, else as far as was stated."""
    package = one.package
    return Finding(
        code="import",
        severity=Severity.FAIL if target.is_here and not one.late else Severity.WARNING,
        title=f"{package} is not installed on {target.title}"
        if target.is_here
        else f"{package} is not known to be on {target.title}",
        cause="There is no network to install it, and the import fails."
        if target.is_here
        else f"The packages that the image is known to have: {', '.join(target.packages)}. Nobody has stated others.",
        subject=package,
        evidence=f"{one.file}, line {one.line}: {one.module}"
        + (" (in a function: only where that is called)" if one.late else ""),
        fix="Do without it, or put its Python files into the zip."
        + ("" if target.is_here else " To see whether it is there: submit an entry that prints its __version__."),
    )
