"""``hemobench pack``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option


@click.command(short_help="Make a folder with model.py into a submission zip.")
@click.argument("folder", metavar="FOLDER|ZIP", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, metavar="ZIP", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--fix", is_flag=True, help="Mend a zip that was refused: pack its content anew.")
@json_option
def pack(folder: Path, output: Path, fix: bool, as_json: bool) -> None:
    """Make FOLDER, which holds a model.py, into a submission zip.

    The same folder gives the same bytes on any machine. Caches, hidden files and links stay out.

    With --fix it takes a ZIP: moves its model.py to the root, gives a misspelt model.py its name, leaves out what a
    desktop put in, and says what it changed. A hostile zip stays refused.

    \b
    Example:
      hemobench pack submissions/majority -o majority.zip
      hemobench pack entry.zip --fix -o mended.zip
    """
    if fix and folder.is_dir():
        raise click.UsageError("--fix mends a zip; a folder is packed without it.")
    if fix:
        from harness.sandbox.mend import mend

        mended = mend(folder, output)
        packed, changes = mended.packed, mended.changes
    else:
        from harness import api

        packed, changes = api.pack(folder, output), ()
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
                    **({"changes": changes} if fix else {}),
                }
            )
        )
        return
    from harness.cli.screen import plain

    for line in changes or (("Nothing had to be mended.",) if fix and not packed.left_out else ()):
        click.echo(line, err=True)
    for line in packed.left_out:
        click.echo(plain(f"Left out {line}"), err=True)
    if "fit.py" in packed.members:
        click.echo(plain(f"fit.py was not run: hemobench submit {folder} runs it before packing."), err=True)
    click.echo(plain(f"{packed.path}: {len(packed.members)} files, {packed.n_bytes:,} bytes"))
    click.echo(f"SHA-256 {packed.sha256}")
