"""``hemobench pack``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option


@click.command(short_help="Make a folder with model.py into a submission zip.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, metavar="ZIP", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def pack(folder: Path, output: Path, as_json: bool) -> None:
    """Make FOLDER, which holds a model.py, into a submission zip.

    The same folder gives the same bytes on any machine. Caches, hidden files and links stay out.

    \b
    Example:
      hemobench pack submissions/majority -o majority.zip
    """
    from harness import api

    packed = api.pack(folder, output)
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
                }
            )
        )
        return
    for line in packed.left_out:
        click.echo(f"Left out {line}", err=True)
    click.echo(f"{packed.path}: {len(packed.members)} files, {packed.n_bytes:,} bytes")
    click.echo(f"SHA-256 {packed.sha256}")
