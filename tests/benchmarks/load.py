"""Many submissions at once, and kills at random moments: what is lost, what is left half done, how long it takes.

Run as ``python -m tests.benchmarks.load``.  Everything goes through the command line, on a workspace of its own with a
small contest.  A kill is SIGKILL, to one process of the verb's tree, drawn among those that live at a random moment.
The exit code is 1 when anything was lost or left half done.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import CommandLine, contest_text

LIMITS = "[limits]\ntime_s = 120\nsubmissions_per_day = 100000\n"
CONTEST = contest_text("small", "A small contest", n_images=160, more=LIMITS)
# What writers leave behind when they are killed; the next command of the same kind has to remove it.
LEFTOVERS = ("**/*.hemobench-part", "**/.building-*", "**/run-*", "**/.part-*", "**/.current-*", "**/.board.*")


class Hemobench(CommandLine):
    """The command line on one workspace; a failure is an answer, not an error."""

    def __call__(self, *words: object) -> tuple[int, str, str]:  # type: ignore[override]
        process = self.start(*words)
        out, err = process.communicate(timeout=600)
        return process.returncode, out, err

    def here(self, *words: object) -> tuple[int, str, str]:
        """Run it in this process, for what is neither killed nor measured."""
        try:
            done = super().__call__(*words)
        except AssertionError as error:
            return 1, "", str(error)
        return 0, done.stdout, done.stderr

    def json(self, *words: object) -> Any:
        return json.loads(self.here(*words, "--json")[1])


@dataclass
class Campaign:
    """What kills at random moments of one verb did."""

    verb: str
    kills: int = 0
    ended: int = 0  # had done their work before the kill came
    lost: int = 0  # reported as done, and not there afterwards
    half: int = 0  # findings of audit and verify, and files that are neither old nor new
    stuck: int = 0  # next commands that failed
    leftovers: int = 0  # files that the next command of the kind did not sweep
    faults: list[str] = field(default_factory=list)

    def fault(self, count: str, what: str) -> None:
        setattr(self, count, getattr(self, count) + 1)
        self.faults.append(f"{self.verb}: {what}")


def kill_somewhere(hemobench: Hemobench, words: tuple[object, ...], usual_s: float, rng: random.Random) -> int | None:
    """Start a verb, kill one of its processes at a random moment, and return its exit code, None when it was too late.

    A verb that has lost one of its children may go on, and is waited for.
    """
    process = hemobench.start(*words)
    time.sleep(rng.random() * usual_s)
    killed = False
    try:
        tree = psutil.Process(process.pid)
        # Twice as likely to be the one that writes as all others together.
        others = tree.children(recursive=True)
        victim = rng.choice(others) if others and rng.random() < 1 / 3 else tree
        if process.poll() is None:
            victim.send_signal(signal.SIGKILL)
            killed = True
    except psutil.NoSuchProcess:
        pass
    process.communicate(timeout=600)
    return process.returncode if killed else None


def leftovers(workspace: Path) -> list[str]:
    found = {path for pattern in LEFTOVERS for path in workspace.glob(pattern)}
    return sorted(path.relative_to(workspace).as_posix() for path in found)


def settle(hemobench: Hemobench, campaign: Campaign, next_words: tuple[object, ...]) -> None:
    """Run the next command, then look at everything."""
    code, _, err = hemobench.here(*next_words)
    if code or "Traceback" in err:
        campaign.fault("stuck", f"next command: {err.strip()[-300:]}")
    for words in (("ledger", "audit"), ("verify",)):
        code, out, err = hemobench.here(*words)
        if code:
            campaign.fault("half", f"{words[-1]}: {(out or err).strip()[:300]}")
    for name in leftovers(hemobench.workspace):
        campaign.fault("leftovers", name)


def kill_submits(hemobench: Hemobench, n: int, rng: random.Random) -> Campaign:
    campaign = Campaign("submit")
    usual = timed(lambda: hemobench("submit", "random", "-m", "usual"))
    reported = set()
    for number in range(n):
        code = kill_somewhere(hemobench, ("submit", "random", "-m", f"kill {number}", "--json"), usual, rng)
        campaign.kills += code is not None
        campaign.ended += code is None
        if code in (None, 0):
            reported.add(f"kill {number}")
    settle(hemobench, campaign, ("submit", "random", "-m", "after"))
    rows = hemobench.json("leaderboard")
    messages = {row["message"] for row in rows}
    for message in sorted((reported | {"after"}) - messages):
        campaign.fault("lost", message)
    for row in rows:
        if row["outcome"] == "scored" and row["public"] is None:
            campaign.fault("half", f"row {row['id']} without a score")
    return campaign


def kill_freezes(hemobench: Hemobench, n: int, rng: random.Random, contest: Path) -> Campaign:
    campaign = Campaign("freeze")
    other = contest.with_name("other.toml")
    other.write_text(contest.read_text().replace("seed = 5", "seed = 6"))
    lock = {contest: hemobench.json("verify")["lock"]}
    usual = timed(lambda: hemobench("freeze", "--contest", other))
    in_force = lock[other] = hemobench.json("verify")["lock"]
    for number in range(n):
        path = (contest, other)[number % 2]
        code = kill_somewhere(hemobench, ("freeze", "--contest", path), usual, rng)
        campaign.kills += code is not None
        campaign.ended += code is None
        code, out, err = hemobench.here("verify", "--json")
        if code:
            campaign.fault("half", f"verify: {(out or err)[:300]}")
            continue
        now = json.loads(out)["lock"]
        if now not in (in_force, lock[path]):
            campaign.fault("lost", f"lock {now[:12]}")
        in_force = now
    settle(hemobench, campaign, ("freeze", "--contest", contest))
    return campaign


def kill_packs(hemobench: Hemobench, n: int, rng: random.Random) -> Campaign:
    campaign = Campaign("pack")
    folder = hemobench.workspace / "packing"
    (folder / "entry").mkdir(parents=True)
    (folder / "entry" / "model.py").write_text("class Model:\n    def predict(self, X):\n        return [0] * len(X)\n")
    (folder / "entry" / "weights.bin").write_bytes(random.Random(0).randbytes(20_000_000))
    out = folder / "entry.zip"
    words = ("pack", folder / "entry", "-o", out)
    usual = timed(lambda: hemobench(*words))
    whole = out.read_bytes()
    for _ in range(n):
        out.unlink(missing_ok=True)
        code = kill_somewhere(hemobench, words, usual, rng)
        campaign.kills += code is not None
        campaign.ended += code is None
        if code is None and not out.exists():
            campaign.fault("lost", "a zip")
        if out.exists() and out.read_bytes() != whole:
            campaign.fault("half", "a zip")
    settle(hemobench, campaign, words)
    shutil.rmtree(folder)
    return campaign


def kill_audits(hemobench: Hemobench, n: int, rng: random.Random) -> Campaign:
    campaign = Campaign("audit")
    usual = timed(lambda: hemobench("ledger", "audit"))
    head = hemobench.json("ledger", "audit")["head"]
    for _ in range(n):
        code = kill_somewhere(hemobench, ("ledger", "audit"), usual, rng)
        campaign.kills += code is not None
        campaign.ended += code is None
    settle(hemobench, campaign, ("ledger", "audit", "--expect", head))
    return campaign


def kill_rebuilds(hemobench: Hemobench, n: int, rng: random.Random) -> Campaign:
    campaign = Campaign("board made anew")
    head, rows = hemobench.json("ledger", "audit")["head"], hemobench.json("leaderboard")
    damages: tuple[Callable[[Path], None], ...] = (remove_the_board, cut_the_board, change_the_schema)
    remove_the_board(hemobench.workspace)
    usual = timed(lambda: hemobench("leaderboard"))
    for number in range(n):
        damages[number % len(damages)](hemobench.workspace)
        code = kill_somewhere(hemobench, ("leaderboard",), usual, rng)
        campaign.kills += code is not None
        campaign.ended += code is None
        settle(hemobench, campaign, ("leaderboard",))
        if hemobench.here("ledger", "audit", "--expect", head)[0] or hemobench.json("leaderboard") != rows:
            campaign.fault("lost", f"after damage {number % len(damages)}")
    return campaign


def remove_the_board(workspace: Path) -> None:
    (workspace / "board.sqlite3").unlink()


def cut_the_board(workspace: Path) -> None:
    content = (workspace / "board.sqlite3").read_bytes()
    (workspace / "board.sqlite3").write_bytes(content[: len(content) // 3])


def change_the_schema(workspace: Path) -> None:
    with closing(sqlite3.connect(workspace / "board.sqlite3")) as board:
        board.execute("PRAGMA user_version = 99")


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Load:
    """What submissions by many processes at once left."""

    submissions: int
    processes: int
    seconds: float
    median_s: float
    longest_s: float
    errors: list[str]
    rows: int
    receipts: int
    findings: int


def submit_at_once(hemobench: Hemobench, n: int, processes: int, zip_path: Path) -> Load:
    """Submit a zip `n` times, by `processes` processes at once."""

    def one(number: int) -> tuple[float, str]:
        began = time.perf_counter()
        code, _, err = hemobench(
            "submit", zip_path, "-m", f"number {number}", "--name", f"team-{number % 40}", "--fresh"
        )
        return time.perf_counter() - began, f"exit code {code}: {err.strip()[-600:]}" if code else ""

    before = len(hemobench.json("leaderboard"))
    began = time.perf_counter()
    with ThreadPoolExecutor(processes) as pool:
        done = list(pool.map(one, range(n)))
    seconds = time.perf_counter() - began
    found = hemobench.json("ledger", "audit")
    rows = hemobench.json("leaderboard")
    assert len({row["message"] for row in rows} & {f"number {number}" for number in range(n)}) == len(rows) - before
    return Load(
        submissions=n,
        processes=processes,
        seconds=seconds,
        median_s=statistics.median(took for took, _ in done),
        longest_s=max(took for took, _ in done),
        errors=[error for _, error in done if error],
        rows=len(rows) - before,
        receipts=found["receipts"] - before,
        findings=len(found["findings"]),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--kills", type=int, default=20, help="kills of each verb; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="hemobench-load-") as folder:
        hemobench = Hemobench(Path(folder) / "workspace")
        contest = Path(folder) / "small.toml"
        contest.write_text(CONTEST)
        code, _, err = hemobench.here("freeze", "--contest", contest)
        assert code == 0, err
        zip_path = Path(folder) / "majority.zip"
        hemobench.here("submit", "majority", "-m", "first")
        shutil.copy(next(hemobench.workspace.glob("zips/*.zip")), zip_path)
        load = None
        if options.submissions:
            load = submit_at_once(hemobench, options.submissions, options.processes, zip_path)
        campaigns = []
        if options.kills:
            campaigns = [
                kill_submits(hemobench, options.kills, rng),
                kill_packs(hemobench, options.kills, rng),
                kill_audits(hemobench, options.kills, rng),
                kill_rebuilds(hemobench, options.kills, rng),
                kill_freezes(hemobench, options.kills, rng, contest),
            ]
    if options.json:
        print(json.dumps({"load": asdict(load) if load else None, "kills": [asdict(one) for one in campaigns]}))
    else:
        show(load, campaigns)
    broken = [one for one in campaigns if one.lost or one.half or one.stuck or one.leftovers]
    missing = load is not None and (load.rows, load.findings) != (load.submissions, 0)
    return 1 if broken or missing else 0


def show(load: Load | None, campaigns: list[Campaign]) -> None:
    if load:
        print(
            f"{load.submissions} submissions by {load.processes} processes at once: {load.rows} rows, {load.receipts} "
            f"receipts, {len(load.errors)} errors, {load.findings} findings, {load.seconds:.1f} s "
            f"({load.submissions / load.seconds:.1f}/s; each {load.median_s:.1f} s, at most {load.longest_s:.1f})"
        )
        for error in load.errors:
            print(f"- {error}")
    if campaigns:
        columns = ("kills", "ended", "lost", "half", "stuck", "leftovers")
        print("\n| verb | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns))
        for one in campaigns:
            print(f"| {one.verb} | " + " | ".join(str(getattr(one, column)) for column in columns) + " |")
        for fault in (fault for one in campaigns for fault in one.faults):
            print(f"- {fault}")


if __name__ == "__main__":
    sys.exit(main())
