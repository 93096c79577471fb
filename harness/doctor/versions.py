"""Will the target's Keras read what another Keras saved, and does it have what the code asks for?"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from harness.doctor.findings import Finding, Severity
from harness.doctor.fit import Target
from harness.doctor.saved_models import DAMAGED, Saved, Unknown, objects, reason, rewrite, unknown_to
from harness.doctor.static_analysis import Code, Dotted
from harness.errors import did_you_mean, disk_trouble

ALIASES = {"tf.keras": "keras", "tensorflow.keras": "keras", "np": "numpy"}
PROPER = {"keras": "Keras", "numpy": "NumPy"}
SHOWN = 4  # of many
UNSAFE = ("safe_mode", "enable_unsafe_deserialization")


def keras_version(target: Target) -> str:
    """Return the version of Keras at the target; empty where it has none. Keras is not imported for it."""
    if not target.is_here:
        return target.packages.get("keras", "")
    try:
        return importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        return ""


def numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version, for comparison.

    Examples
    --------
    >>> numbers("3.4.1") < numbers("3.15.0")
    True
    """
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def newer_names(code: Code, target: Target) -> Iterator[Finding]:
    """Find the names of Keras and NumPy in the code that the target's do not have."""
    table = target.table()
    for file, uses in code.uses.items() if table else ():
        imported = (
            Dotted(f"{one.module}.{word}", one.line, one.late)
            for one in uses.imports
            if not one.guarded
            for word in one.names
        )
        for used in (*uses.dotted, *imported):
            written = used.name
            alias = next((old for old in ALIASES if written.startswith(f"{old}.")), "")
            name = ALIASES[alias] + written[len(alias) :] if alias else written
            module, _, word = name.rpartition(".")
            if module in table and word not in table[module] and not word.startswith("_"):
                package = module.partition(".")[0]
                close = did_you_mean(word, table[module])
                yield Finding(
                    code="newer-name",
                    subject=name,
                    severity=Severity.WARNING if used.late else Severity.FAIL,
                    title=f"{PROPER[package]} {target.packages[package]} has no {name}",
                    cause=f"{target.title} has {PROPER[package]} {target.version(package)}; the name came later, "
                    "or had gone before.",
                    evidence=f"{file}, line {used.line}: {written}",
                    fix=f"Do without it. {close if close.startswith('Did') else ''}".strip(),
                )


def check_saved(
    saved: Saved, code: Code, target: Target, folder: Path, building: Path
) -> tuple[list[Finding], tuple[tuple[str, str], ...]]:
    """Compare a saved model with the Keras that is to read it; return findings, and repaired copies by file."""
    version = keras_version(target)
    if saved.damaged:
        return [_damaged(saved.name, saved.damaged)], ()
    found = [*_own_code(saved, code)]
    unknown = unknown_to(target.table(), saved.config)
    if saved.major == 2 and numbers(version) >= (3, 0):
        return [*found, _keras_2(saved, unknown, version, target)], ()
    if unknown:
        fixable = saved.form == "keras" and all(one.idle for one in unknown)
        found.append(_unknown(saved, unknown, version, fixable))
        if fixable:
            building.mkdir(parents=True, exist_ok=True)
            repaired = building / saved.name.replace("/", "-")
            try:
                rewrite(folder / saved.name, target.table(), version, repaired)
            except DAMAGED as error:
                if isinstance(error, OSError) and disk_trouble(error):
                    raise
                return [_damaged(saved.name, reason(error))], ()
            return found, ((saved.name, str(repaired)),)
    elif version and numbers(saved.version) > numbers(version) and not target.table():
        found.append(
            Finding(
                code="saved-newer",
                subject=saved.name,
                severity=Severity.WARNING,
                title=f"{saved.name} was saved by a newer Keras",
                cause="A description may hold arguments that an older Keras does not take.",
                evidence=f"saved by Keras {saved.version}; {target.title} has {version}",
                fix=f"Save it with that version: pip install keras=={version}",
            )
        )
    return found, ()


def _damaged(name: str, evidence: str) -> Finding:
    return Finding(
        code="saved-damaged",
        subject=name,
        severity=Severity.WARNING,
        title=f"{name} is not a whole Keras file",
        cause="A .keras file is a zip of config.json, metadata.json and weights; this one was cut, renamed or "
        "encrypted.",
        evidence=evidence,
        fix=f"Save it again: model.save({name!r})",
    )


def _own_code(saved: Saved, code: Code) -> Iterator[Finding]:
    """Find what a saved model needs beside Keras: registered classes, or leave to run functions of its own."""
    names = {word for uses in code.uses.values() for used in uses.dotted for word in used.name.split(".")}
    names |= {word for uses in code.uses.values() for word in uses.words}
    if any(one["class_name"] == "Lambda" for one in objects(saved.config)) and not names & set(UNSAFE):
        yield Finding(
            code="saved-lambda",
            subject=saved.name,
            severity=Severity.WARNING,
            title=f"{saved.name} holds a Lambda layer, which Keras refuses to load",
            cause="A Lambda carries code. Keras loads it only where it is told to.",
            evidence="class_name Lambda in its config.json; safe_mode does not stand in the code",
            fix="Load it with keras.saving.load_model(PATH, safe_mode=False), or make the Lambda a layer of Keras.",
        )
    if lacking := [name for name in saved.own if name.rpartition(">")[2] not in names]:
        yield Finding(
            code="saved-custom",
            subject=saved.name,
            severity=Severity.WARNING,
            title=f"{saved.name} needs classes that are not in the zip",
            cause="Keras can build a custom layer, loss or function only from its Python code.",
            evidence=f"registered as {', '.join(lacking[:SHOWN])}",
            fix="Put the classes into model.py, each with @keras.saving.register_keras_serializable(), "
            "before load_model is called.",
        )


def _keras_2(saved: Saved, unknown: tuple[Unknown, ...], version: str, target: Target) -> Finding:
    """Keras 3 reads what Keras 2 saved, less functional networks in ``.keras`` files and arguments that are gone."""
    return Finding(
        code="saved-keras-2",
        subject=saved.name,
        severity=Severity.FAIL if unknown else Severity.NOTE,
        title=f"{saved.name} was saved by Keras 2, and {target.title} has Keras 3",
        cause="Keras 3 does not know all of what it names."
        if unknown
        else "Keras 3 reads it as far as its description tells; labels may still differ in the last digit.",
        evidence=f"saved by Keras {saved.version}, {target.title} has {version}"
        + (f"; unknown to that: {_several(unknown)}" if unknown else ""),
        fix="Build the network with Keras 3 in code, load the weights from an HDF5 file "
        "(model.save_weights('w.weights.h5') under Keras 2), and save it again."
        if unknown
        else "",
    )


def _several(unknown: tuple[Unknown, ...]) -> str:
    told = [f"{one.kind} {', '.join(one.arguments)}".strip() for one in unknown]
    return "; ".join(told[:SHOWN]) + (f" and {len(told) - SHOWN} more" if len(told) > SHOWN else "")


def _unknown(saved: Saved, unknown: tuple[Unknown, ...], version: str, fixable: bool) -> Finding:
    return Finding(
        code="saved-newer",
        subject=saved.name,
        severity=Severity.FAIL,
        title=f"{saved.name} holds what Keras {version} does not know",
        cause=f"load_model of Keras {version} stops with an error at the first of them."
        + (" All of them are switched off in your model, so that they can be left out." if fixable else ""),
        evidence=f"saved by Keras {saved.version or 'of an unknown version'}: {_several(unknown)}",
        fix=f"Save it with pip install keras=={version}, or let --fix leave them out."
        if fixable
        else f"Build and save the network with pip install keras=={version}, then load the weights into it.",
        fixable=fixable,
    )
