"""What is measured, and the page of it: ``docs/benchmarks.md`` is rendered from ``docs/benchmarks.json`` alone."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from baselines.augment.catalogue import AUGMENTATIONS

ROOT = Path(__file__).parent.parent.parent
PAGE, RESULTS = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.json"
NAMED = (("amx_bf16", "AMX"), ("avx512f", "AVX-512"), ("avx2", "AVX2"))  # of what a processor can do

NETWORKS = ("scratch-v2", "resnet-s", "speedrun", "champion", "mobilenet", "vgg16")
# Each row's quick preset, from random weights, but where it says another.
PREDICTED = (
    "scratch-v1", "scratch-v2", "vgg16", "resnet50v2", "inceptionv3", "mobilenet", "efficientnetb0", "efficientnetb2",
    "densenet121", "speedrun", "champion", "champion, full", "champion, full, eight views",
)  # fmt: skip
LIGHT = ("flips", "basic", "gridmask", "mixup", "cutmix")  # augmentations that an aim is set for
AUGMENTED = {
    "scratch-v2": tuple(AUGMENTATIONS)[1:],
    "resnet-s": tuple(name for name in tuple(AUGMENTATIONS)[1:] if not name.startswith("only-")),
}


@dataclass(frozen=True)
class Item:
    """One thing that is measured: a median with its unit, and what it should be."""

    name: str
    unit: str = "×"
    aim: str = ""


@dataclass(frozen=True)
class Topic:
    """What is measured together, by ``make bench ONLY=name``.

    Parameters
    ----------
    how : str
        What a figure of it means.
    asked : bool
        Whether it is left out of a plain ``make bench``: it takes long, or needs what few machines have.
    """

    name: str
    title: str
    how: str
    items: tuple[Item, ...]
    asked: bool = False

    @property
    def command(self) -> str:
        return f"make bench ONLY={self.name}"


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of one item; without a `value`, the `note` says why there is none."""

    item: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""


class Session(msgspec.Struct, frozen=True):
    """One run of a topic: when, of which version, where, and how busy the machine was before."""

    date: str
    version: str
    machine: str
    load: float
    rows: tuple[Measured, ...]


Results = dict[str, Session]

TOPICS = (
    Topic(
        "startup",
        "Start-up of light verbs",
        "Milliseconds of the whole process on the embedded contest; beside it, a bare `python -c pass`.",
        tuple(Item(f"`hemobench {verb}`", "ms", "≤ 150") for verb in ("--help", "leaderboard", "verify")),
    ),
    Topic(
        "freeze",
        "Freeze",
        "Seconds of `hemobench freeze` over those of a bare script that only gets the images: draws them with the "
        "program's own generator, or decodes the folder with Pillow on all cores.",
        (Item("the embedded contest", aim="≤ 1.5"), Item("a folder of JPEG files", aim="≤ 1.5")),
    ),
    Topic(
        "duplicates",
        "Search for near duplicates",
        "Seconds for signatures as real images have them, 1 % of them near another one. The exponent says how the time "
        "grows: 2 where twice the images take four times as long.",
        (
            Item("10,000 signatures", "s"),
            Item("100,000 signatures", "s"),
            Item("exponent from 10,000 to 100,000", "", "< 2"),
        ),
    ),
    Topic(
        "million",
        "Search for near duplicates among a million",
        "The same, much longer.",
        (Item("1,000,000 signatures", "s"), Item("exponent from 100,000 to 1,000,000", "", "< 2")),
        asked=True,
    ),
    Topic(
        "train",
        "Training against a bare `fit`",
        "Images a second of `hemobench train` over those of Keras's own `fit` with the same model, optimizer, "
        "augmentation and validation, whole epochs after the first, in turn.",
        tuple(Item(name, aim="≥ 0.95") for name in NETWORKS),
    ),
    Topic(
        "augment",
        "Augmentation against none",
        "Images a second with an augmentation over those without, in turn; the network is trained meanwhile.",
        tuple(
            Item(f"{network}, {name}", aim="≥ 0.9" if name in LIGHT else "")
            for network, names in AUGMENTED.items()
            for name in names
        ),
    ),
    Topic(
        "precision",
        "Precision",
        "Images a second in the precision that `auto` takes here over those in float32, training steps in turn.",
        tuple(Item(name, aim="≥ 1") for name in NETWORKS),
    ),
    Topic(
        "predict",
        "Predicting",
        "Milliseconds of processor time an image, in batches of 64 as the submitted `model.py` takes them, all rows in "
        "turn; the quick presets, from random weights. The champion's aim is twice what mobilenet takes in that round.",
        (*(Item(name, "ms") for name in PREDICTED), Item("champion, full, over mobilenet", aim="≤ 2")),
    ),
    Topic(
        "peak",
        "Share of the machine's peak",
        "Floating-point operations of training steps (three times those of a forward pass, counted from the shapes of "
        "convolutions and dense layers) over those of a product of two 2,048 × 2,048 float32 matrices, in a second. "
        "The champion's network is that of resnet-s.",
        (Item("product of two matrices", "GFLOP/s"), *(Item(name, "%") for name in NETWORKS if name != "champion")),
    ),
    Topic(
        "features",
        "Features of the frozen part",
        "Seconds of a training that runs the frozen layers in each epoch over those of one that runs them once.",
        (Item("mobilenet, all of it frozen"), Item("mobilenet, half of it frozen")),
        asked=True,
    ),
    Topic(
        "score",
        "Scoring",
        "Seconds of `hemobench score`, with its consistency check, over those of a bare script that loads the same "
        "model and predicts the same images of the embedded contest; both cold, in turn.",
        (
            Item("one Keras zip (mobilenet)", aim="≤ 1.05"),
            Item("one NumPy zip (nearest-centroid)", aim="≤ 2"),
            Item("20 small Keras zips", aim="≤ 0.6"),
        ),
    ),
    Topic(
        "board",
        "A board of 100,000 entries",
        "Seconds of a verb.",
        (
            Item("`leaderboard --top 20`, the board made anew", "s"),
            Item("`leaderboard --top 20`", "s"),
            Item("`report`", "s"),
        ),
        asked=True,
    ),
    Topic(
        "readers",
        "200 readers of a live board",
        "Milliseconds of an answer of `hemobench serve` to 200 readers at once, who ask every two seconds as the page "
        "does, while an entry comes in every five seconds; a minute, readers and server on one machine.",
        (Item("is there anything new", "ms", "< 50"), Item("the page", "ms", "< 50")),
    ),
    Topic(
        "gpu",
        "On a GPU",
        "Images a second, in the precision that `auto` takes.",
        tuple(Item(f"{name}, {what}", "images/s") for name in NETWORKS for what in ("train", "predict")),
        asked=True,
    ),
)


def measured(item: str, values: Sequence[float], note: str = "") -> Measured:
    """Return the median of `values`, their least and greatest."""
    middle, low, high = (float(f"{value:.4g}") for value in (statistics.median(values), min(values), max(values)))
    return Measured(item, middle, low, high, len(values), note)


def in_turn(n: int, *calls: Callable[[], object]) -> list[tuple[float, ...]]:
    """Call each in turn, `n` times over, and return the seconds of each round, so that all meet the same machine."""
    return [tuple(map(seconds, calls)) for _ in range(n)]


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@cache
def version() -> str:
    """Return the commit that is checked out, with a + where files differ from it; asked before the page is written."""
    said = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, check=True)
    return said.stdout.decode().strip()


def machine() -> str:
    """Return this machine in words: cores, what its processor can do, GPU."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if platform.system() == "Linux" else []
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    features = [word if flag in flags else f"no {word}" for flag, word in NAMED] if flags else []
    gpus = ""
    if shutil.which("nvidia-smi"):
        gpus = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    names = sorted({line.partition(":")[2].partition("(")[0].strip() for line in gpus.splitlines()})
    return ", ".join([f"{os.cpu_count()} cores", platform.machine(), *features, ", ".join(names) or "no GPU"])


def read_results(path: Path = RESULTS) -> Results:
    return msgspec.json.decode(path.read_bytes(), type=Results)


def write(results: Results, path: Path = RESULTS, page: Path = PAGE) -> None:
    """Write the results of the topics there are, in their order, and the page."""
    kept = {topic.name: results[topic.name] for topic in TOPICS if topic.name in results}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    page.write_text(render(kept), encoding="utf-8")


def render(results: Results) -> str:
    """Return the page, Markdown."""
    names = ",".join(topic.name for topic in TOPICS if topic.asked and topic.name != "gpu")
    parts = [
        "# Benchmarks",
        "Written by `make bench`; nothing on this page is typed by hand. A figure is a median with the least and the "
        "greatest of n, against a bare script where it is a ratio (×), both in turn in one run. "
        "`make bench ONLY=startup,freeze` measures a part and keeps the rest; "
        f"`make bench ONLY={names}` measures what takes long.",
    ]
    for topic in TOPICS:
        parts += [f"## {topic.title}", topic.how]
        if found := results.get(topic.name):
            where = f"{found.machine}; load before it {found.load:.1f}"
            parts.append(f"Measured on {found.date}, version {found.version}: {where}. Again: `{topic.command}`")
        parts.append(_table(topic, results))
    return "\n\n".join(parts) + "\n"


def _table(topic: Topic, results: Results) -> str:
    by_item = {row.item: row for row in results[topic.name].rows} if topic.name in results else {}
    lines = ["| | aim | median | min–max | n | |", "|---|---|--:|---|--:|---|"]
    for item in topic.items:
        row = by_item.get(item.name, Measured(item.name, note=f"not measured: `{topic.command}`"))
        if row.value is None:
            cells = ["–", "–", "–", row.note]
        else:
            low_high = f"{_number(row.low)}–{_number(row.high)}" if row.n > 1 else "–"
            cells = [f"{_number(row.value)} {item.unit}".strip(), low_high, str(row.n), row.note]
        lines.append(f"| {' | '.join([item.name, item.aim or '–', *cells])} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    """Write three digits of a number, and all before the point.

    Examples
    --------
    >>> [_number(value) for value in (0.0123, 1.0, 56.78, 12345.6)]
    ['0.01', '1.00', '56.8', '12,346']
    """
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
