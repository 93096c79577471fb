"""A change of rules while a contest runs: checked as the contest file is, put into the ledger, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from harness.board.closing import must_be_open
from harness.board.in_force import in_force, stated_rules
from harness.board.ledger import checked_why
from harness.board.receipts import Change, RulesChanged
from harness.board.recorder import open_recorder
from harness.contest import Contest, rules_of, with_rules
from harness.errors import UsageError, did_you_mean
from harness.freeze.frozen import Frozen
from harness.workspace import Workspace


def read_settings(words: Sequence[str]) -> dict[str, Any]:
    """Return what ``RULE=VALUE`` words say, the values as text; those of ``metrics`` and ``runtimes`` names.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> read_settings(["time_s=1800", "metrics=accuracy, macro_f1"])
    {'time_s': '1800', 'metrics': ['accuracy', 'macro_f1']}
    >>> read_settings(["deadline=none", "late=none"])
    {'deadline': None, 'late': 'none'}
    """
    settings: dict[str, Any] = {}
    for word in words:
        rule, equals, value = word.partition("=")
        rule = rule.strip()
        if not equals or not rule:
            raise UsageError(f"Got {word!r}, expected RULE=VALUE.", "For instance: time_s=1800")
        if rule in settings:
            raise UsageError(f"{rule} is given twice.", "Leave one out.")
        settings[rule] = value.strip()
        if rule in ("metrics", "runtimes"):
            settings[rule] = [name.strip() for name in value.split(",") if name.strip() not in ("", "all")]
        elif value.strip().lower() == "none" and rule != "late":  # there it is a word of the rule
            settings[rule] = None
    return settings


def change_rules(
    workspace: Workspace,
    frozen: Frozen,
    settings: Mapping[str, Any],
    why: str,
    *,
    by: Literal["command", "contest file"] = "command",
) -> RulesChanged | None:
    """Put other rules in force from now on, and return the receipt; None where they are in force already.

    Parameters
    ----------
    workspace, frozen
    settings : mapping of str to object
        Values by the names of rules; text, too, where a person typed it.
    why : str
        One line for those who ask later.

    Raises
    ------
    UsageError
        There is no such rule, it defines data or truth, or its value is none that the contest file could hold.
    BoardError
        The contest is closed.
    """
    why = checked_why(why, "the machine of the class is slow")
    with open_recorder(workspace) as recorder:
        must_be_open(workspace, frozen, "its rules stay as they were")
        now = in_force(workspace, frozen).contest
        before, after = rules_of(now), rules_of(_checked(now, settings))
        changes = {rule: Change(old, after[rule]) for rule, old in before.items() if after[rule] != old}
        if not changes:
            return None
        line = recorder.record_event(
            RulesChanged,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            contest=now.name,
            lock=frozen.lock_hash,
            changes=changes,
            why=why,
            by=by,
        )
    assert isinstance(line.receipt, RulesChanged)
    return line.receipt


def _checked(contest: Contest, settings: Mapping[str, Any]) -> Contest:
    """Return the contest with these rules."""
    rules = rules_of(contest)
    for rule, value in settings.items():
        if rule not in rules:
            if rule in _identity_names(contest):
                raise _other_contest(contest, rule)
            raise UsageError(f"No rule is called {rule!r}.", did_you_mean(rule, rules))
        if isinstance(rules[rule], bool) and isinstance(value, str):
            yes = value.lower() in ("yes", "on")
            settings = {**settings, rule: "true" if yes else "false" if value.lower() in ("no", "off") else value}
    if "metrics" in settings and settings["metrics"][:1] != rules["metrics"][:1]:
        raise _other_contest(contest, f"the primary metric, {rules['metrics'][0]},")
    try:
        changed = with_rules(contest, settings)
    except msgspec.ValidationError as error:
        said = ", ".join(f"{rule}={value}" for rule, value in settings.items())
        raise UsageError(
            f"{said}: {str(error).rstrip('.')}.", "The values in force: hemobench contest rules"
        ) from error
    for text in ("title", "licence", "citation"):
        value = rules_of(changed).get(text)
        if text in settings and not (value and value.strip() and value.isprintable()):
            raise UsageError(f"{text}={value!r}: expected printable characters.", f'For instance: {text}="Cells"')
    return changed


def _identity_names(contest: Contest) -> set[str]:
    """Return the names of all that is no rule, at the top of a contest file and in its sections."""
    identity = contest.identity
    return {*identity, *(name for part in identity.values() if isinstance(part, dict) for name in part)}


def _other_contest(contest: Contest, what: str) -> UsageError:
    return UsageError(
        f"{what} defines data or truth of {contest.name}: with another one that is another contest.",
        "Copy the contest file under another name, change it there, and freeze that.",
    )


def adopt_rules(workspace: Workspace, frozen: Frozen, contest: Contest) -> RulesChanged | None:
    """Put in force what the contest file states otherwise than when it was frozen last; None where that is nothing.

    A rule that was changed by command stays so, unless the file was changed in it since.

    Raises
    ------
    BoardError
        There is such a rule, and the contest is closed.
    """
    stated = stated_rules(workspace, frozen)
    changed = {rule: value for rule, value in rules_of(contest).items() if value != stated.get(rule)}
    if not changed:
        return None
    return change_rules(workspace, frozen, changed, "the contest file was frozen again", by="contest file")
