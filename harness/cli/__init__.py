"""The command line: parse, call one function of `harness.api`, print.

One verb a file, loaded when it is typed: a new one is its file and its name in `SECTIONS`; in a group it is its file.
Verbs of other packages come in through entry points (`harness.plugins`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from harness import __version__, plugins
from harness.cli._view.screen import message, wrapped
from harness.cli.group import VerbGroup
from harness.errors import DISK_REMEDY, HarnessError, disk_trouble, extra_for

# Each section in the order of the flow.  A name has its place here whether the verb is of this package or another's.
SECTIONS = {
    "Data": ("freeze", "verify"),
    "Entries": ("train", "tune", "new", "pack", "doctor", "score"),
    "The board": ("submit", "select", "leaderboard", "show", "compare"),
    "For others": ("report", "serve", "reproduce"),
    "Groups of verbs": ("contest", "class", "runtime", "ledger", "codabench", "kaggle", "lesson"),
}
PLACED = {name for names in SECTIONS.values() for name in names}


class Verbs(VerbGroup):
    """The verbs of this package, and those of others."""

    def sections(self) -> dict[str, list[str]]:
        added = plugins.commands()
        known = {
            title: [name for name in names if name in added or self.has_file(name)]
            for title, names in self.given.items()
        }
        if more := sorted(added.keys() - PLACED):
            known["Added by other packages"] = more
        return known

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in PLACED and self.has_file(name):
            return super().get_command(ctx, name)
        load = plugins.commands().get(name)
        return load() if load else None


@click.command(
    cls=Verbs,
    home=__name__,
    sections=SECTIONS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog='Shell completion: eval "$(_HEMOBENCH_COMPLETE=bash_source hemobench)"',
)
@click.version_option(__version__, prog_name="hemobench")
@click.pass_context
def hemobench(ctx: click.Context) -> None:
    """A blood-cell classification contest on one machine.

    The verbs stand in the order of the flow. A group has verbs of its own: hemobench contest --help. Without a verb it
    says where you stand, and what to type next.

    \b
    Example:
      hemobench freeze --contest blood-cells
      hemobench submit majority -m "the share to beat"
      hemobench leaderboard
    """
    if ctx.invoked_subcommand is None:
        from harness.cli._view.home import standing

        workspace = Path(os.environ.get("HEMOBENCH_WORKSPACE") or "workspace")
        for line in (*standing(workspace), "All verbs: hemobench --help"):
            click.echo(wrapped(line))


def main() -> NoReturn:
    """Run the command line: exit code 0 done, 1 failed, 2 wrong usage, 130 stopped by hand."""
    try:
        code = hemobench.main(prog_name="hemobench", standalone_mode=False)
        sys.stdout.flush()  # a full disk is to be told of here, not by the interpreter on its way out
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
            sys.exit(error.exit_code)
        if isinstance(error, click.UsageError) and error.ctx:
            click.echo(f"{error.ctx.get_usage()}\nTry: {error.ctx.command_path} --help\n", err=True)
        message(f"Error: {error.format_message()}", style="red")
        sys.exit(error.exit_code)
    except HarnessError as error:
        # Names of files and arrays stand in messages, and strangers chose them.
        message(f"Error: {error.message}", style="red")
        if error.hint:
            message(error.hint)
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        if (extra := extra_for(error.name or "")) is None:
            raise
        message(f"Error: This needs {error.name}, which is not installed.", style="red")
        message(f'Type: pip install "hemobench[{extra}]"')
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        if (told := disk_trouble(error)) is None:
            raise
        message(f"Error: {told}.", style="red")
        message(DISK_REMEDY)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
