"""``hemobench runtime add``"""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import complete, workspace_option


def shipped() -> list[str]:
    from harness.runtimes.runtime import DEFAULT, definitions

    return [name for name in definitions() if name != DEFAULT]


@click.command(short_help="Build a runtime, of wheels alone.")
@click.argument("name", metavar="NAME", shell_complete=complete(shipped))
@click.option("--requirements", metavar="FILE", type=click.Path(path_type=Path), help="Packages, as pip reads them.")
@workspace_option
def add(name: str, requirements: Path | None, workspace: Path) -> None:
    """Build the runtime NAME: an environment of the same Python for entries, of wheels alone, with its hashes locked.

    torch, onnx and sklearn are shipped; of another name the packages stand in a file of requirements. An entry asks for
    it by a file entry.toml in its zip, with the line runtime = "NAME". Adding it again takes newer packages; entries on
    record are replayed with the old ones.

    \b
    Example:
      hemobench runtime add onnx
      hemobench runtime add vision --requirements vision.txt
    """
    from harness import api
    from harness.cli._view import screen
    from harness.words import counted

    found = api.add_runtime(workspace, name, requirements)
    told = ", ".join(f"{package} {version}" for package, version in found.main.items())
    screen.message(f"Runtime {name}, Python {found.python}: {told}; {counted(len(found.packages), 'package')} in all.")
    screen.message(f"Lock {found.lock[:12]} in {found.venv and found.venv.parent}")
