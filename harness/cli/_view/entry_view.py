"""One entry on a screen: sentences, tables and bars, from what `harness.analysis.entry` knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.calibration import Calibration
from harness.analysis.corruptions import FEW, Tally
from harness.analysis.entry import EntryFacts
from harness.analysis.forecast import Forecast
from harness.analysis.predictions import Detail
from harness.analysis.preview import METHODS
from harness.cli._view import screen
from harness.cli._view.bars import KEY, columns
from harness.cli._view.charts import Share, images, matrix, say, shares, title
from harness.format import PLACES, SHORT, interval, percent, points
from harness.score.estimate import Estimate
from harness.words import counted

if TYPE_CHECKING:
    from harness.board.ranking import Note

LOWEST = 8  # groups that the short view draws, the worst ones
WHY_NO_RANK: dict[Note, str] = {
    "withheld": "No rank: the Ladder withholds its public score, as no clear gain on its team's best.",
    "late": "No rank: it came after the deadline, or after the contest was closed.",
    "lesser final": "No rank: the contest is closed, and the other final of its team did better.",
    "not final": "No rank: the contest is closed, and this entry was not among its team's finals.",
    "not scored": "No rank: it was not scored.",
    "baseline": "No rank: it is a baseline, and teams rank.",
    "disqualified": "No rank: it was disqualified.",
    "transductive": "No rank with the others: it has not shown that it labels each image by itself.",
}


def draw(facts: EntryFacts, *, by_name: bool, full: bool) -> None:
    """Print it; `by_name` says that it was asked for by its name, `full` asks for all there is."""
    _head(facts, by_name)
    if facts.outcome != "scored":
        _why(facts)
        return
    _staircase(facts)
    _metrics(facts)
    if facts.detail is None:
        say("Its labels are not kept as they were scored: nothing is known of classes and corruptions.")
    else:
        _classes(facts, facts.detail, full)
        _families(facts, facts.detail, full)
        _calibration(facts, facts.detail.calibration, full)
    _forecast(facts)
    _seeds(facts)
    _run(facts)


def _head(facts: EntryFacts, by_name: bool) -> None:
    say(f"Entry {facts.id}: {facts.name}", style="bold")
    if facts.message and facts.message != facts.name:
        say(f"“{facts.message}”")
    say(_rank(facts))
    if facts.namesakes:
        others = f"{counted(facts.namesakes, 'other entry')} of this name"
        say(f"{others}; {_chosen(facts)}." if by_name else f"There {_are(facts.namesakes)} {others}.")
    date, weights = facts.created_at[:16].replace("T", " "), facts.weights.removeprefix("sha256:")[:8]
    trained = f" · trained in {facts.precision}" if facts.precision else ""
    say(f"{date} UTC · weights {weights}{trained} · zip {facts.zip_sha256[:12]}")


def _chosen(facts: EntryFacts) -> str:
    """Say why this entry stands for its name: see `harness.analysis.entry.find_entry`."""
    if not facts.scores:
        return "this is the last of them"
    return "this one ranks for them" if facts.closed else "this one has the best public score that shows"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _rank(facts: EntryFacts) -> str:
    if facts.rank is None:
        return " ".join(
            [WHY_NO_RANK.get(facts.note, "No rank."), *([facts.disqualified] if facts.disqualified else [])]
        )
    told = f"Rank {facts.rank} of {facts.ranked} by {_words(facts.metric)} on {PLACES[facts.ranked_by]}"
    if facts.ranks is None:
        return f"{told}."
    if facts.ranks.best == facts.ranks.worst:
        return f"{told}, clearly so."
    level = ", not significantly different from rank 1" if facts.level_with_first and facts.rank != 1 else ""
    return f"{told}; chance leaves ranks {facts.ranks} open{level}."


def _why(facts: EntryFacts) -> None:
    say(f"Not scored, {facts.outcome}: {facts.why}")
    if facts.hint:
        say(facts.hint)
    if facts.last_log_lines:
        say("Last log lines:")
        for line in screen.quoted(facts.last_log_lines):
            screen.output().print(line, no_wrap=True, overflow="ignore", crop=False)
    elif facts.log_withheld:
        say(f"What it printed is for who runs the contest: hemobench show {facts.id} --reveal-private")
    _run(facts)


def _staircase(facts: EntryFacts) -> None:
    steps = [(split, facts.scores[split.name].get(facts.metric)) for split in facts.splits]
    gap = "" if facts.gap is None else f"; val − public {points(facts.gap)}"
    title(f"{_words(facts.metric).capitalize()} from split to split, %{gap}")
    shares([Share(SHORT[split.name], estimate) for split, estimate in steps if estimate])
    was = [(split, facts.before.get(split.name, {}).get(facts.metric)) for split in facts.splits]
    if told := ", ".join(f"{SHORT[split.name]} {percent(old.value)}" for split, old in was if old):
        say(f"Before it was rescored: {told}.")
    grouped = any(estimate.n_groups for _, estimate in steps if estimate)
    n = "n (images of how many groups)" if grouped else "n"
    say(f"Beside each score {n} and the 95 % interval. Bars: {KEY}.")


def _metrics(facts: EntryFacts) -> None:
    others = [metric for metric in facts.metrics if metric != facts.metric]
    if not others:
        return
    screen.table(
        [screen.Column("%", key=True), *(screen.Column(_words(metric), number=True) for metric in others)],
        [
            (SHORT[split.name], *(_cell(facts.scores[split.name].get(metric)) for metric in others))
            for split in facts.splits
        ],
    )


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{percent(estimate.value)} {interval(estimate.low, estimate.high)}"


def _classes(facts: EntryFacts, detail: Detail, full: bool) -> None:
    recalls = detail.found or detail.recalls[facts.by]
    lines = [Share(_words(name), share) for name, share in zip(facts.class_names, recalls, strict=True) if share]
    _lowest(f"By class, on {images(facts.by)}", lines, full)
    for one in facts.confusions:
        say(f"  {_words(one.true)} taken for {_words(one.said)}: {one.n} of {one.of}")
    if full:
        _every_class(facts, detail)
        if any(map(any, detail.confusion)):
            _confusion(facts, detail)


def _every_class(facts: EntryFacts, detail: Detail) -> None:
    rows = [
        (_words(name), *(_of(detail.recalls[split.name][at]) for split in facts.splits))
        for at, name in enumerate(facts.class_names)
    ]
    matrix("Found of each class, %", [SHORT[split.name] for split in facts.splits], rows)


def _of(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{100 * estimate.value:.1f} of {estimate.n}"


def _confusion(facts: EntryFacts, detail: Detail) -> None:
    rows = [
        (f"{at} {_words(name)}", *(str(n) if n else "·" for n in row))
        for at, (name, row) in enumerate(zip(facts.class_names, detail.confusion, strict=True), start=1)
    ]
    matrix("Confusions: true classes down, predicted ones across", [str(at + 1) for at in range(len(rows))], rows)


def _families(facts: EntryFacts, detail: Detail, full: bool) -> None:
    if not detail.families:
        return
    names = [_words(name) for name in facts.families.names]
    lines = [Share(name, tally.estimate) for name, tally in zip(names, detail.families, strict=True) if tally.n]
    _lowest(f"By corruption, on {images(facts.by)}; most images have several", lines, full)
    if full:
        rows = [
            (name, *map(_hits, tallies))
            for name, tallies in zip(names, detail.severities, strict=True)
            if any(t.n for t in tallies)
        ]
        matrix("By severity, %", [str(severity) for severity in facts.severities], rows)
    for worst in detail.worst[-1:] if not full else detail.worst:
        share = f"{100 * worst.estimate.value:.1f} % of {worst.estimate.n} right"
        say(f"Worst {worst.kind}, of those on {FEW} images or more: {_words(worst.name)}, {share}.")


def _hits(tally: Tally) -> str:
    return f"{100 * tally.hits / tally.n:.0f} of {tally.n}" if tally.n else "–"


def _lowest(heading: str, lines: list[Share], full: bool) -> None:
    """Draw all lines as they stand, or, where they are many, the lowest."""
    if full or len(lines) <= LOWEST:
        title(heading)
        shares(lines)
        return
    title(f"{heading}: lowest {LOWEST} of {len(lines)}")
    shares(sorted(lines, key=lambda line: line.estimate.value)[:LOWEST])


def _calibration(facts: EntryFacts, found: dict[str, Calibration], full: bool) -> None:
    if facts.by not in found:
        return
    told = found[facts.by]
    title(f"Calibration on {PLACES[facts.by]}: right as often as it says?")
    if full:
        shares(
            [
                Share(f"says {100 * one.confidence:.1f}", Estimate(one.accuracy, one.low, one.high, one.n))
                for one in told.bins
            ]
        )
    else:
        say(f"  says      {columns([one.confidence for one in told.bins])}  images from the least sure")
        say(f"  is right  {columns([one.accuracy for one in told.bins])}  to the surest")
    for split, of in found.items() if full else [(facts.by, told)]:
        say(f"  {SHORT[split]}: calibration error (ECE) {100 * of.ece:.1f} points, log loss {of.log_loss:.3f}")


def _forecast(facts: EntryFacts) -> None:
    known = {name: forecast for name, forecast in facts.forecasts.items() if forecast}
    if not known:
        return
    public = facts.scores.get("public", {}).get(facts.metric)
    measured = f"; measured {percent(public.value)}" if public else ""
    title(f"Predicted public {_words(facts.metric)} on the day it came, %{measured}")
    for name, forecast in known.items():
        inside = "" if public is None else _inside(public.value, forecast)
        told = f"{percent(forecast.value)} ({interval(forecast.low, forecast.high, 2)})"
        say(f"  {told}{inside} {METHODS[name]}")


def _inside(value: float, forecast: Forecast) -> str:
    if forecast.holds(value):
        return ", within the interval:"
    return ", too high:" if value < forecast.low else ", too low:"


def _seeds(facts: EntryFacts) -> None:
    pooled = facts.seeds.get(facts.by)
    if pooled:
        say(
            f"All {pooled.n} seeds of its recipe on {PLACES[facts.by]}: "
            f"{percent(pooled.mean)} ± {percent(pooled.sd)} (mean and standard deviation)."
        )


def _run(facts: EntryFacts) -> None:
    say("")
    run = facts.run
    if run is None:
        say("How it ran is not known: its card is not kept.")
    else:
        size = f"zip of {run.zip_bytes / 1e6:.1f} MB"
        say(f"Ran {run.seconds:.0f} s with {run.memory_mb:.0f} MB, isolation: {run.isolation}; {size}.")
        if run.missing_restrictions:
            say(f"Missing restrictions: {', '.join(run.missing_restrictions)}.", style="red")
        for what, text in run.stated.items():
            say(f"{what.capitalize()}: {text}")
        for note in run.notes:
            say(note)
    say(f"To run it again: hemobench ledger replay {facts.id}")


def _words(name: str) -> str:
    return name.replace("_", " ")
