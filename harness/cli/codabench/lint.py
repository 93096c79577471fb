"""``hemobench codabench lint``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option
from harness.words import counted

COLOURS = {"refused": "red", "leak": "red", "fails": "red", "silent": "yellow", "advice": "cyan"}
MEANING = {
    "refused": "the server does not take the bundle",
    "leak": "submissions can read labels",
    "fails": "it is taken, and then fails",
    "silent": "the server does something else, without a word",
    "advice": "it works, and may be regretted",
}


@click.command(short_help="Say what a Codabench server would not like.")
@click.argument("bundle", type=click.Path(path_type=Path))
@json_option
def lint(bundle: Path, as_json: bool) -> None:
    """Say what is wrong with BUNDLE, a zip or a folder, anybody's, worst first.

    Each finding has its evidence, what the server would say, and the exact fix. Exit code 1 when the server would
    refuse the bundle, fail on it, or give labels away.

    \b
    Example:
      hemobench codabench lint course.zip
    """
    from harness import api
    from harness.cli._view import screen
    from harness.platforms.codabench.rule import BREAKING

    findings = api.lint_bundle(bundle)
    broken = any(finding.severity in BREAKING for finding in findings)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"bundle": str(bundle), "breaks": broken, "findings": findings}).decode())
    else:
        for number, finding in enumerate(findings, 1):
            head = click.style(finding.severity, fg=COLOURS[finding.severity], bold=True)
            click.echo(f"{number}. {head} {finding.rule}: {finding.what}.")
            for word, text in (("found", finding.evidence), ("server", finding.server), ("fix", finding.fix)):
                click.echo(screen.wrapped(text, " " * 10, start=f"   {word:7s}"))
        count = counted(len(findings), "finding")
        worst = f", the worst: {MEANING[findings[0].severity]}" if findings else ": the server would take this bundle"
        click.echo(f"{count}{worst}.", err=True)
    if broken:
        raise click.exceptions.Exit(1)
