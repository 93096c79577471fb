"""Whether each thing that was planted ended as it deserves: ranked at its worth, flagged, or refused."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.classroom.rehearse.course import PLANTED, Sent
from harness.classroom.rehearse.lead import Round
from harness.classroom.rehearse.zips import PLANTED as FOLDERS
from harness.classroom.rehearse.zips import PublicData
from harness.format import percent
from harness.words import counted

# What tries a rule, and what it is.
RULES = {
    "in grace": "Ten minutes after the deadline.",
    "late": "Fifteen hours after the deadline.",
    "extended": "Sixteen hours after the deadline, by a team that was given two more days.",
    "over the limit": "One more on one day than the rules allow a team.",
    "same files": "The files of another team's zip, packed anew.",
    "no zip": "A report where a zip is due.",
    "stranger": "A zip of somebody who is not in the roster.",
}
PIXELS = 16  # of an image's middle row, which the exfiltrator prints


@dataclass(frozen=True)
class Verdict:
    """How one thing that was planted should end, and how it did."""

    name: str
    planted: str
    expected: str
    happened: str
    ok: bool


@dataclass(frozen=True)
class Case:
    """What was planted, with all that became of it; the entries of one kind, the first of them in `sent`."""

    round: Round
    sent: Sequence[Sent]

    @cached_property
    def judged(self) -> list[dict[str, Any]]:
        """What ``class judge`` said of each; empty where it said nothing."""
        return [self.round.judged.get(one.name, {}) for one in self.sent]

    @cached_property
    def row(self) -> dict[str, Any]:
        """The first one's row on the board."""
        return self.round.rows.get(self.judged[0].get("entry") or 0, {})

    @cached_property
    def letter(self) -> str:
        """The first one's letter."""
        digest = self.judged[0].get("zip_sha256", "")[:8]
        students = self.round.folder / "letters" / self.sent[0].student.team
        found = sorted(students.glob(f"*-{digest}.md" if digest else "not-judged-*.md"))
        return found[0].read_text(encoding="utf-8") if found else ""

    @property
    def baseline(self) -> dict[str, Any]:
        """Its row; where it is no baseline nothing is as good, so that all that is compared with it is not ok."""
        return next((row for row in self.round.rows.values() if row["note"] == "baseline"), {"public": -1.0})

    @property
    def is_ranked(self) -> bool:
        return self.row.get("rank") is not None

    @property
    def is_no_better(self) -> bool:
        """Whether the most frequent class alone is within its interval, or above."""
        return bool(self.row.get("public_low", 1) <= self.baseline["public"])

    @property
    def place(self) -> str:
        """Say rank and score."""
        if not self.row:
            return self.judged[0].get("state") or "nothing was said of it"
        if self.row["outcome"] != "scored":
            return str(self.row["outcome"]).replace("_", " ")
        score = "" if self.row["public"] is None else f", public {percent(self.row['public'], 1)} %"
        return (f"rank {self.row['rank']}" if self.is_ranked else f"no rank: {self.row['note']}") + score

    def flagged_with(self, kind: str) -> list[tuple[str, ...]]:
        """Return why pairs of the first one with an entry of that kind were flagged."""
        others = {self.round.judged.get(one.name, {}).get("entry") for one in self.round.course.of_kind(kind)}
        own = self.judged[0].get("entry")
        pairs = [(pair, {pair["one"]["id"], pair["other"]["id"]}) for pair in self.round.similar["flagged"]]
        return [tuple(pair["kinds"]) for pair, ids in pairs if own in ids and ids & (others - {own})]


Said = tuple[str, bool]


def _no_better(case: Case) -> Said:
    return case.place, case.is_ranked and case.is_no_better


def _majority(case: Case) -> Said:
    return case.place, case.is_ranked and case.row["public"] == case.baseline["public"]


def _memoriser(case: Case) -> Said:
    told = f"validation {percent(case.row.get('val'), 1)} %, {case.place}"
    return told, case.is_ranked and case.is_no_better and case.row["val"] > 0.99


def _thief(case: Case) -> Said:
    return case.place, bool(case.row) and (case.row["outcome"] != "scored" or case.is_no_better)


def _copied(case: Case) -> Said:
    kinds = case.flagged_with("honest")
    counts = any(row["id"] == case.row.get("id") and row["rank"] for row in case.round.closed)
    told = f"flagged by {', '.join(kinds[0])}" if kinds else "not flagged"
    folder = (case.round.folder / "evidence" / "README.md").is_file()
    ok = any("weights" in one for one in kinds) and folder and case.row["note"] == "disqualified" and not counts
    return f"{told}; {case.place}", ok


def _mis_shaped(case: Case) -> Said:
    return _refused(case, "bad_output", "What to do")


def _slow(case: Case) -> Said:
    return _refused(case, "timed_out", "Not scored")


def _refused(case: Case, outcome: str, words: str) -> Said:
    said = words in case.letter
    return f"{case.place}; {'its letter says so' if said else 'its letter does not say so'}", (
        said and case.row.get("outcome") == outcome
    )


def _divided(case: Case) -> Said:
    codes = [finding["code"] for finding in case.round.doctor["findings"]]
    honest = sorted(row["public"] for row in _rows(case.round, "honest") if row["public"] is not None)
    told = "doctor: input scale" if "input-scale" in codes else "doctor finds nothing"
    return f"{case.place}; {told}", case.is_ranked and case.row["public"] < honest[len(honest) // 2]


def _exfiltrator(case: Case) -> Said:
    texts = set(hidden_texts(case.round))
    folder = case.round.workspace.cards(case.round.frozen.contest.name)
    tried = len(texts & {text for path in folder.glob("*.json") for text in _texts_in(path)})
    leaked = [path.name for path in public_files(case.round) if texts & set(_texts_in(path))]
    told = f"{case.place}; {counted(tried, 'image')} in its log, which is the teacher's alone"
    return f"{told}; in {', '.join(leaked)}" if leaked else told, tried > 0 and not leaked and bool(case.letter)


def _texts_in(path: Path) -> Iterator[str]:
    """Yield all that a file has of the form in which the exfiltrator prints an image."""
    digits = 6 * PIXELS
    for run in re.findall(rb"[0-9a-f]{%d,}" % digits, path.read_bytes()):
        yield from (run[at : at + digits].decode() for at in range(len(run) - digits + 1))


def _batch(case: Case) -> Said:
    ok = case.row.get("note") == "transductive" and not case.is_ranked and (case.row["n_changed"] or 0) > 0
    changed = case.row.get("n_changed") or 0
    return f"{case.place}; {counted(changed, 'label')} changed with company", ok


def _in_time(case: Case) -> Said:
    return case.place, case.is_ranked and not case.judged[0].get("late") and "Late:" not in case.letter


def _late(case: Case) -> Said:
    said = "keeps 90 %" in case.letter
    told = "its letter says 90 %" if said else "its letter says nothing"
    return f"{case.place}; {told}", said and case.row.get("note") == "late" and not case.is_ranked


def _over(case: Case) -> Said:
    states = Counter(one.get("state") for one in case.judged)
    told = "; ".join(f"{n} {state}" for state, n in states.items())
    return told, states == {"recorded": len(case.sent) - 1, "over the limits": 1}


def _same_files(case: Case) -> Said:
    first = case.row.get("same_as")
    return f"{case.place}; marked as entry {first}" if first else f"{case.place}; not marked", (
        first is not None and bool(case.flagged_with("honest"))
    )


def _no_zip(case: Case) -> Said:
    state, told = case.judged[0].get("state"), "with a letter" if case.letter else "without a letter"
    return f"{state}, {told}", state == "no entry" and bool(case.letter)


def _stranger(case: Case) -> Said:
    told = case.judged[0]
    named = case.sent[0].student.name in told.get("told", "")
    return f"{told.get('state')}; named" if named else str(told.get("state")), named and not told["team"]


CHECKS: dict[str, tuple[str, Callable[[Case], Said]]] = {
    "random": ("ranked, no better than majority", _no_better),
    "majority": ("ranked, as good as majority", _majority),
    "memoriser": ("ranked, no better than majority", _memoriser),
    "label_thief": ("refused, or no better than majority", _thief),
    "copied": ("flagged by its weights, disqualified, no rank", _copied),
    "mis_shaped": ("refused, with what to do", _mis_shaped),
    "slow": ("stopped at the time limit", _slow),
    "divided_by_255": ("ranked below most honest ones", _divided),
    "log_exfiltrator": ("no hidden image in what others get", _exfiltrator),
    "batch_dependent": ("apart from the ranks", _batch),
    "in grace": ("ranked", _in_time),
    "late": ("no rank, keeps 90 % of its points", _late),
    "extended": ("ranked", _in_time),
    "over the limit": ("the last one not judged", _over),
    "same files": ("marked, flagged", _same_files),
    "no zip": ("no entry, a letter", _no_zip),
    "stranger": ("no entry, named", _stranger),
}


def verdicts(found: Round) -> list[Verdict]:
    """Return how each planted thing ended, then the honest entries, then the grades."""
    told = []
    for kind in (*PLANTED, *RULES):
        expected, check = CHECKS[kind]
        happened, ok = check(Case(found, found.course.of_kind(kind)))
        told.append(Verdict(kind.replace("_", " "), RULES.get(kind) or described(kind), expected, happened, ok))
    return [*told, _honest(found), *_grades(found)]


def described(kind: str) -> str:
    """Return what a planted entry says of itself."""
    source = (FOLDERS / kind / "model.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""


def _rows(found: Round, kind: str) -> list[dict[str, Any]]:
    entries = [found.judged.get(one.name, {}).get("entry") for one in found.course.of_kind(kind)]
    return [found.rows[entry] for entry in entries if entry in found.rows]


def _honest(found: Round) -> Verdict:
    """Every honest entry has a score and a rank, and none is flagged but for what was copied of it."""
    sent, rows = found.course.of_kind("honest"), _rows(found, "honest")
    known = {found.judged.get(one.name, {}).get("entry") for kind in ("copied", "same files") for one in
             found.course.of_kind(kind)}  # fmt: skip
    false = [ids for pair in found.similar["flagged"] if not (ids := {pair["one"]["id"], pair["other"]["id"]}) & known]
    ranked = sum(row["rank"] is not None for row in rows)
    told = f"{ranked} of {counted(len(sent), 'entry')} ranked, {counted(len(false), 'pair')} flagged"
    ok = ranked == len(sent) and not false
    return Verdict("honest", described("honest"), "all ranked, no pair flagged", told, ok)


def _grades(found: Round) -> Iterator[Verdict]:
    """Every student has a grade in the file of every platform, and none by the entry that was disqualified."""
    n = len(found.course.students)
    for platform, said in found.grades.items():
        grades = {one["id"]: one["total"] for one in said["grades"]}
        by_copy = any(one["entry"] == found.disqualified for one in said["grades"])
        if filled := said.get("filled"):
            left = [*filled["unknown"], *filled["doubtful"], *filled["missing"], *filled["locked"]]
            got, n_left = filled["filled"], len(left)
        else:
            got, n_left = len(list((found.folder / "grades" / platform).glob("*/result*.json"))), 0
        told = f"{counted(got, 'grade')}, {n_left} not clear"
        ok = got == n == len(grades) and None not in grades.values() and not n_left and not by_copy
        planted = "The file that the platform exports." if filled else "A document a student."
        yield Verdict(platform.replace("-", " "), planted, f"{counted(n, 'grade')}", told, ok)


def hidden_texts(found: Round) -> list[str]:
    """Return what the exfiltrator prints of the hidden images, but for what public ones have, too."""

    def texts(images: Any) -> set[str]:
        return {image[len(image) // 2, :PIXELS].tobytes().hex() for image in images}

    return sorted(texts(found.frozen.hidden_images()) - texts(PublicData.of(found.frozen).images))


def public_files(found: Round) -> list[Path]:
    """Return all files of the round that a team or everybody gets, but for the kit, which is older than any entry."""
    folders = [found.folder / name for name in ("letters", "site", "grades")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".zip"]
    return [*files, *sorted(found.folder.glob("board.*"))]
