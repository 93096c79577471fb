"""``hemobench contest rules``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli._view.screen import wrapped
from harness.cli.options import complete, contest_option, json_option, workspace_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.board.receipts import Change, RulesChanged


def _rule_names() -> Iterable[str]:
    from harness.contest import find_contest, rules_of

    return [f"{rule}=" for rule in rules_of(find_contest("blood-cells-folder"))]


@click.command(short_help="Show the rules in force, or change them.")
@click.argument("settings", metavar="[RULE=VALUE]...", nargs=-1, shell_complete=complete(_rule_names))
@click.option("--why", metavar="TEXT", help="The reason of a change, for those who ask later.")
@contest_option
@workspace_option
@json_option
def rules_command(
    settings: tuple[str, ...], why: str | None, contest: str | None, workspace: Path, as_json: bool
) -> None:
    """Show the rules in force and what was changed in them, or change them.

    Limits, quotas, texts and the board's rules may change while a contest runs: the board stays, and the change is a
    receipt of the ledger. What defines data or truth (source, classes, split, shift, primary metric) may not.

    \b
    Example:
      hemobench contest rules time_s=1800 --why "slow machines"
    """
    from harness import api
    from harness.board.rule_change import read_settings

    if settings and why is None:
        read_settings(settings)  # what is no rule at all is told first
        raise click.UsageError("A change of rules asks for its reason: add --why TEXT.")
    if why is not None and not settings:
        raise click.UsageError("--why goes with a change, for instance: time_s=1800")
    change = api.change_rules(workspace, settings, why, contest) if settings and why is not None else None
    if as_json:
        import msgspec

        rules, history = api.rules(workspace, contest)
        changed = {"changed": None if change is None else change.number} if settings else {}
        click.echo(msgspec.json.encode({**changed, "rules": rules, "history": history}).decode())
    elif not settings:
        _show(*api.rules(workspace, contest))
    else:
        changed_rules = change.changes if change else {}
        named = dict.fromkeys(word.partition("=")[0].strip() for word in settings)
        if same := [rule for rule in named if rule not in changed_rules]:
            click.echo(f"In force already, nothing is changed: {', '.join(same)}.", err=True)
        if change:
            show_change(change)


def show_change(change: RulesChanged) -> None:
    """Print what a change of rules did."""
    for rule, values in change.changes.items():
        click.echo(_line(rule, values))
    click.echo(f"In force from now on, receipt {change.number}; the board stays.", err=True)


def _show(rules: dict[str, Any], history: list[RulesChanged]) -> None:
    width = max(map(len, rules))
    for rule, value in rules.items():
        click.echo(wrapped(f"{rule:<{width}}  {said(value)}", " " * (width + 2)))
    for change in history:
        click.echo()
        click.echo(wrapped(f"Receipt {change.number}, {change.when}: {change.why}"))
        for rule, values in change.changes.items():
            click.echo(_line(rule, values))


def _line(rule: str, change: Change) -> str:
    return wrapped(f"  {rule}: {said(change.old)} → {said(change.new)}", "    ")


def said(value: Any) -> str:
    """Write the value of a rule as a person would type it."""
    if isinstance(value, list):
        return ",".join(map(str, value)) or "all"  # of runtimes
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
