"""Figures of the page as static SVG.

Colours are classes of the page's style sheet, so that one drawing serves light and dark.  What a figure shows is also
said in words, or stands in a table beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from markupsafe import Markup

from harness.analysis.calibration import Bin
from harness.analysis.document import Report, Row
from harness.analysis.shakeup import Moved
from harness.analysis.values import Moment
from harness.score.estimate import Estimate

BAR = (112, 14)


def scale(report: Report) -> tuple[float, float]:
    """Return the ends of the axis on which the intervals of a board are drawn, in steps of 0.1."""
    found = [row.scores[report.ranked_by][report.metric] for row in report.rows]
    low = min((estimate.low for estimate in found), default=0.0)
    high = max((estimate.high for estimate in found), default=1.0)
    return int(10 * low) / 10, min(1.0, int(10 * high + 1) / 10)


def interval_bar(estimate: Estimate, ends: tuple[float, float]) -> Markup:
    """Draw a score and its interval as a dot on a line; for the eye only, since the numbers stand beside it."""
    width, height = BAR
    low, value, high = (
        round((share - ends[0]) / (ends[1] - ends[0]) * (width - 8) + 4, 1)
        for share in (estimate.low, estimate.value, estimate.high)
    )
    middle = height / 2
    return Markup(
        f'<svg class="bar" width="{width}" height="{height}" aria-hidden="true">'
        f'<path class="rail" d="M4 {middle}H{width - 4}"/><path class="span" d="M{low} {middle}H{high}"/>'
        f'<circle class="dot" cx="{value}" cy="{middle}" r="3.5"/></svg>'
    )


def staircase(steps: Sequence[tuple[str, Estimate]]) -> Markup:
    """Draw how accuracy falls from split to split, with intervals."""
    width, height, left, top, bottom = 440, 200, 40, 12, 30
    wide, tall = (width - left) / len(steps), height - top - bottom

    def y(share: float) -> float:
        return round(top + (1 - share) * tall, 1)

    parts = [_axis(left, width, y)]
    before: float | None = None
    for number, (title, estimate) in enumerate(steps):
        x0, x1 = round(left + number * wide + 10, 1), round(left + (number + 1) * wide - 10, 1)
        middle, level = round((x0 + x1) / 2, 1), y(estimate.value)
        if before is not None:
            parts.append(f'<path class="drop" d="M{x0 - 20} {before}H{x0 - 10}V{level}H{x0}"/>')
        parts.append(
            f'<path class="step" d="M{x0} {level}H{x1}"/>'
            f'<path class="whisker" d="M{middle} {y(estimate.low)}V{y(estimate.high)}"/>'
            f'<text class="value" x="{x1}" y="{max(level - 7, 11)}" text-anchor="end">{100 * estimate.value:.1f}</text>'
            f'<text x="{middle}" y="{height - 10}" text-anchor="middle">{Markup.escape(title)}</text>'
        )
        before = level
    told = ", ".join(f"{title} {100 * e.value:.1f} ({100 * e.low:.1f} to {100 * e.high:.1f})" for title, e in steps)
    return _figure(width, height, f"Accuracy in percent, with 95 % intervals: {told}.", parts)


def history(moments: Sequence[Moment]) -> Markup:
    """Draw the best score so far over time, each submission a dot."""
    width, height, left, top, bottom = 760, 260, 44, 14, 34
    times = [datetime.fromisoformat(moment.created_at).timestamp() for moment in moments]
    first, last = min(times), max(times)
    tall = height - top - bottom

    def x(time: float) -> float:
        return round(left + 10 + (time - first) / max(last - first, 1) * (width - left - 40), 1)

    def y(share: float) -> float:
        return round(top + (1 - share) * tall, 1)

    parts, line, best = [_axis(left, width, y)], "", 0.0
    for moment, time in sorted(zip(moments, times, strict=True), key=lambda pair: (pair[1], pair[0].id)):
        place = f"{x(time)} {y(moment.value)}"
        parts.append(
            f'<circle class="{"best" if moment.best else "other"}" cx="{x(time)}" cy="{y(moment.value)}" r="4"/>'
        )
        if moment.value > best:
            line, best = f"{line}H{x(time)}V{y(moment.value)}" if line else f"M{place}", moment.value
    line += f"H{x(last)}"
    parts.insert(1, f'<path class="step" d="{line}"/>')
    parts += [
        f'<text x="{left + 10}" y="{height - 12}">{_moment(first, moments)}</text>',
        f'<text x="{width - 30}" y="{height - 12}" text-anchor="end">{_moment(last, moments)}</text>',
    ]
    return _figure(width, height, f"Best score over time; it ends at {100 * best:.2f} percent.", parts)


def _moment(time: float, moments: Sequence[Moment]) -> str:
    """Write the date and the time of the submission that came then."""
    found = next(m.created_at for m in moments if datetime.fromisoformat(m.created_at).timestamp() == time)
    return str(Markup.escape(found[:16].replace("T", " ")))


def reliability(bins: Sequence[Bin], title: str) -> Markup:
    """Draw how often an entry was right against how sure it was; what lies under the line is too sure."""
    side, left, top, bottom = 220, 40, 10, 24

    def x(share: float) -> float:
        return round(left + share * (side - left - 10), 1)

    def y(share: float) -> float:
        return round(top + (1 - share) * (side - top - bottom), 1)

    whiskers = "".join(f"M{x(bin.confidence)} {y(bin.low)}V{y(bin.high)}" for bin in bins)
    dots = "".join(f"M{x(bin.confidence)} {y(bin.accuracy)}h0" for bin in bins)
    parts = [
        _axis(left, side - 6, y),
        f'<path class="drop" d="M{x(0)} {y(0)}L{x(1)} {y(1)}"/><path class="whisker thin" d="{whiskers}"/>'
        f'<path class="dots" d="{dots}"/>',
        *(f'<text x="{x(at)}" y="{side - 7}" text-anchor="middle">{100 * at:.0f}</text>' for at in (0.25, 0.5, 0.75)),
    ]
    surest, doubtful = bins[-1], bins[0]
    told = (
        f"Reliability on {title}: of the surest images, {100 * surest.confidence:.0f} percent sure, "
        f"{100 * surest.accuracy:.0f} percent are right; of the least sure, {100 * doubtful.confidence:.0f} percent, "
        f"{100 * doubtful.accuracy:.0f} percent."
    )
    return _figure(side, side, told, parts)


def rank_bar(moved: Moved, entries: int) -> Markup:
    """Draw the middle of an entry's private ranks over redrawn halves, and its rank now; first place is at the left."""
    width, height = 2 * BAR[0], BAR[1]
    assert moved.ranks is not None
    best, now, worst = (
        round((rank - 1) / max(entries - 1, 1) * (width - 8) + 4, 1)
        for rank in (moved.ranks.best, moved.now, moved.ranks.worst)
    )
    middle = height / 2
    return Markup(
        f'<svg class="bar" width="{width}" height="{height}" aria-hidden="true">'
        f'<path class="rail" d="M4 {middle}H{width - 4}"/><path class="span" d="M{best} {middle}H{worst}"/>'
        f'<circle class="dot" cx="{now}" cy="{middle}" r="3.5"/></svg>'
    )


def forecasts(rows: Sequence[Row], method: str, metric: str) -> Markup:
    """Draw what was predicted, with its interval, against what was measured."""
    side, left, top, bottom = 340, 44, 12, 40
    wide = side - left - 12

    def x(share: float) -> float:
        return round(left + share * wide, 1)

    def y(share: float) -> float:
        return round(top + (1 - share) * (side - top - bottom), 1)

    parts = [_axis(left, side - 8, y), f'<path class="drop" d="M{x(0)} {y(0)}L{x(1)} {y(1)}"/>']
    parts += [
        f'<text x="{x(share)}" y="{side - 24}" text-anchor="middle">{100 * share:.0f}</text>'
        for share in (0.25, 0.5, 0.75)
    ]
    parts.append(f'<text x="{x(0.5)}" y="{side - 7}" text-anchor="middle">predicted, %</text>')
    for row in rows:
        found, measured = row.forecasts.get(method), row.scores["public"].get(metric)
        if found and measured:
            height = y(measured.value)
            parts.append(f'<path class="whisker thin" d="M{x(found.low)} {height}H{x(found.high)}"/>')
            parts.append(f'<circle class="other" cx="{x(found.value)}" cy="{height}" r="4"/>')
    return _figure(side, side, "Measured against predicted scores; on the line both are equal.", parts)


def _axis(left: float, right: float, y: Callable[[float], float]) -> str:
    return "".join(
        f'<path class="rail" d="M{left} {y(share)}H{right}"/>'
        f'<text x="{left - 7}" y="{y(share) + 4}" text-anchor="end">{100 * share:.0f}</text>'
        for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    )


def _figure(width: float, height: float, told: str, parts: Iterable[str]) -> Markup:
    return Markup(
        f'<svg class="figure" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{Markup.escape(told)}">{"".join(parts)}</svg>'
    )
