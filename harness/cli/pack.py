"""``hemobench pack``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import contest_option, isolation_option, json_option, workspace_option
from harness.words import counted


@click.command(short_help="Make a folder with model.py into a submission zip.")
@click.argument("folder", metavar="FOLDER|ZIP", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, metavar="ZIP", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--fix", is_flag=True, help="Repair a zip that was refused: pack its content anew.")
@click.option("--no-fit", is_flag=True, help="Do not run fit.py; pack the folder as it lies.")
@contest_option
@isolation_option
@workspace_option
@json_option
def pack(
    folder: Path,
    output: Path,
    fix: bool,
    no_fit: bool,
    contest: str | None,
    isolation: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Make FOLDER, which holds a model.py, into a submission zip.

    A fit.py in it is run first, as submit does: in the sandbox, on the public data of the frozen contest, in a copy of
    the folder. The same folder gives the same bytes on any machine. Caches, hidden files and links stay out.

    With --fix it takes a ZIP: moves its model.py to the root, gives a misspelt model.py its name, leaves out what a
    desktop put in, and says what it changed. A hostile zip stays refused.

    \b
    Example:
      hemobench pack submissions/myteam -o myteam.zip
      hemobench pack entry.zip --fix -o fixed.zip
    """
    if fix and folder.is_dir():
        raise click.UsageError("--fix repairs a zip; a folder is packed without it.")
    from harness.cli._view.screen import message, plain

    fitted, why_not = False, ""
    if fix:
        from harness.sandbox.repair import repair

        repaired = repair(folder, output)
        packed, changes = repaired.packed, repaired.changes
    else:
        from harness import api
        from harness.workspace import Workspace

        if (folder / "fit.py").is_file():
            if no_fit:
                why_not = "--no-fit says so."
            elif contest is None and Workspace(workspace).active() is None:
                why_not = f"nothing is frozen in {workspace}. Type: hemobench freeze, then pack again."
            fitted = not why_not
        where = workspace if fitted else None
        packed = api.pack(folder, output, workspace=where, contest=contest, isolation=isolation)
        changes = ()
    if why_not:
        message(f"fit.py was not run: {why_not} What it writes is not in the zip, unless you have run it yourself.")
    if as_json:
        import json

        click.echo(
            json.dumps(
                {
                    "zip": str(packed.path),
                    "sha256": packed.sha256,
                    "bytes": packed.n_bytes,
                    "members": packed.members,
                    "left_out": packed.left_out,
                    "fitted": fitted,
                    **({"changes": changes} if fix else {}),
                }
            )
        )
        return
    for line in changes or (("Nothing had to be repaired.",) if fix and not packed.left_out else ()):
        click.echo(line, err=True)
    for line in packed.left_out:
        click.echo(plain(f"Left out {line}"), err=True)
    click.echo(plain(f"{packed.path}: {counted(len(packed.members), 'file')}, {counted(packed.n_bytes, 'byte')}"))
    click.echo(f"SHA-256 {packed.sha256}")
