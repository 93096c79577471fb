"""A Codabench bundle (format 2) of a frozen contest: what a teacher uploads, and nothing else to do."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import harness
from harness.errors import UsageError
from harness.freeze.frozen import PUBLIC_SPLITS, Frozen
from harness.platforms.codabench.bundle import DEFAULT_QUEUE_S, is_uuid
from harness.platforms.codabench.logo import draw_logo
from harness.platforms.codabench.samples import SAMPLES, write_samples
from harness.platforms.facts import Dates, contest_json, facts_of, render
from harness.platforms.folder import new_folder, zip_folder
from harness.platforms.kit import write_kit
from harness.score.evaluate import labels_of
from harness.workspace import Workspace

HOUSE = Path(harness.__file__).parent
HALVES = ("public", "private")
# Python 3.12; the programs need 3.11 or newer and NumPy.  A tag that names a version: an image that is replaced under
# its name breaks contests long after their zips were tested.
IMAGE = "codalab/codalab-legacy:py312"
IMAGE_LENGTH = 128
# The programs on the server, each with the files of this package that it takes along as they are.
PROGRAMS = {
    "ingestion": ("sandbox/child.py", "sandbox/answer_checks.py", "tree.py"),
    "scoring": (
        "format.py",
        "score/__init__.py",
        "score/metrics.py",
        "score/stats.py",
        "platforms/codabench/programs/page.py",
    ),
}
COMMANDS = {
    "ingestion": "python3 ingestion.py /app/input_data /app/output /app/ingested_program",
    "scoring": "python3 scoring.py /app/input /app/output",
}
SHARED = (
    *("__init__.py", "words.py", "sandbox/__init__.py", "sandbox/untrusted.py"),
    *("platforms/__init__.py", "platforms/codabench/__init__.py", "platforms/codabench/programs/__init__.py"),
)


@dataclass(frozen=True)
class Settings:
    """What the frozen contest does not state."""

    dates: Dates = field(default_factory=Dates)
    image: str = IMAGE
    terms: str = ""  # Markdown; empty: a set of fair ones
    contact: str = ""  # an e-mail address
    queue: str = ""  # vhost of a queue of one's own, a UUID; empty: the server's default one
    public_data: bool = True  # whether the training data travel in the bundle
    isolation: str = "auto"  # in which the samples are fitted


def export_codabench(workspace: Workspace, frozen: Frozen, target: Path, settings: Settings | None = None) -> Path:
    """Write the bundle as the folder `target`, and zipped beside it, and return the zip's path.

    The same contest and settings give the same bytes.

    Raises
    ------
    UsageError
        `target` is there already, or a setting is one that the server refuses.
    WorkspaceError
        The frozen contest is damaged, or `target` cannot be written.
    """
    settings = settings or Settings()
    _check(frozen, settings)
    with new_folder(target, private=True) as folder:
        _write_pages(frozen, folder, settings)
        for kind in PROGRAMS:
            _write_program(kind, frozen, folder / f"{kind}_program")
        _write_halves(frozen, folder)
        write_samples(workspace, frozen, folder / "sample_submissions", isolation=settings.isolation)
        write_kit(frozen, folder / "starting_kit", data=False)
        if settings.public_data:
            (folder / "public_data").mkdir()
            for split in PUBLIC_SPLITS:
                shutil.copyfile(frozen.folder / "public" / f"{split}.npz", folder / "public_data" / f"{split}.npz")
    zip_path = target.with_name(f"{target.name}.zip")
    zip_folder(target, zip_path)
    return zip_path


def _check(frozen: Frozen, settings: Settings) -> None:
    if not 0 < len(settings.image) <= IMAGE_LENGTH:
        raise UsageError(
            f"The image's name has {len(settings.image)} characters, the server takes 1 to {IMAGE_LENGTH}.",
            f"For instance: --image {IMAGE}",
        )
    if len(frozen.contest.title) > 256:
        raise UsageError(
            f"The contest's title has {len(frozen.contest.title)} characters, the server takes 256.",
            "Shorten title in the contest file, and freeze again.",
        )
    if settings.queue and not is_uuid(settings.queue):
        raise UsageError(
            f"{settings.queue!r} is no vhost of a queue, expected a UUID.",
            "Copy it from the server: Management, Queues, Vhost. Without --queue the default queue is used.",
        )
    if settings.contact and "@" not in settings.contact.strip("@"):
        raise UsageError(f"{settings.contact!r} is no e-mail address.", "For instance: --contact teacher@example.org")


def _write_pages(frozen: Frozen, folder: Path, settings: Settings) -> None:
    facts: dict[str, Any] = {
        **facts_of(frozen),
        # Each step has the whole of it, and predicts one half of the hidden test: less than the contest's limit is for.
        "time_s": frozen.contest.limits.time_s
        if settings.queue
        else min(frozen.contest.limits.time_s, DEFAULT_QUEUE_S),
        "queue": settings.queue,
        "samples": SAMPLES,
        "dates": settings.dates,
        "image": settings.image,
        "terms": settings.terms.strip(),
        "contact": settings.contact,
        "public_data": settings.public_data,
    }
    pages = ("overview", "data", "evaluation", "submission")
    names = ["competition.yaml", "terms.md", "README.md", *(f"pages/{page}.md" for page in pages)]
    (folder / "pages").mkdir()
    for name in names:
        (folder / name).write_text(render(f"codabench/{name}", **facts), encoding="utf-8")
    (folder / "logo.png").write_bytes(draw_logo(frozen.contest.name))


def _write_program(kind: str, frozen: Frozen, folder: Path) -> None:
    """Write ingestion or scoring: its own file at the root, and a part of this package below ``harness/``."""
    folder.mkdir()
    shutil.copyfile(HOUSE / "platforms" / "codabench" / "programs" / f"{kind}.py", folder / f"{kind}.py")
    for name in (*SHARED, *PROGRAMS[kind]):
        copy = folder / "harness" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HOUSE / name, copy)
    _write_json(folder / "contest.json", contest_json(frozen))
    (folder / "metadata.yaml").write_text(f'command: "{COMMANDS[kind]}"\n', encoding="utf-8")


def _write_halves(frozen: Frozen, folder: Path) -> None:
    """Write the images of each half, and apart from them its labels, and its groups where the contest has some.

    Each task gets its own half alone: what an entry writes and prints leaves the server, and with it could leave the
    images that the final phase is scored on.  The folders have names of their own: the server zips each into one
    place, under its name.
    """
    hidden, groups = frozen.hidden_images(), frozen.groups()
    truth = labels_of(frozen)
    for half in HALVES:
        rows, labels = truth[half]
        given, kept = folder / "input_data" / f"{half}_images", folder / "reference_data" / f"{half}_labels"
        given.mkdir(parents=True)
        kept.mkdir(parents=True)
        np.save(given / "images.npy", hidden[rows], allow_pickle=False)
        np.save(kept / "labels.npy", labels, allow_pickle=False)
        if half in groups:
            np.save(kept / "groups.npy", groups[half].astype(np.int64), allow_pickle=False)
        task = {
            "split": half,
            "title": f"{half.capitalize()} half of the hidden test",
            "n": len(labels),
        }
        if frozen.lock.groups:
            task["groups"] = frozen.lock.groups[half]
        _write_json(kept / "task.json", task)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
