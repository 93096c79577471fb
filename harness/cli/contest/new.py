"""``hemobench contest new``"""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import json_option, workspace_option

if TYPE_CHECKING:
    from harness.freeze.draft import Draft

NAMED = 5  # files of a kind that are left out


class Size(click.ParamType):
    """``96`` or ``96x128``: height and width."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([1-9]\d{0,3})(?:[x×]([1-9]\d{0,3}))?", str(value))
        if not found:
            self.fail(f"{value!r} is no size, expected a number of pixels, 96, or height and width, 96x128", param, ctx)
        return int(found[1]), int(found[2] or found[1])


@click.command(short_help="Write the contest file for images of your own.")
@click.argument("name")
@click.option(
    "--source",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder, zip, tar or table of images, or an .npz of arrays.",
)
@click.option("--size", type=Size(), metavar="N|HxW", help="Of the contest's images; by default as they are.")
@click.option("--leave-out", metavar="NAME", multiple=True, help="A class or file to leave out; may be repeated.")
@click.option("--class-names", metavar="NAME,…", help="Other names for the classes, in the order found.")
@click.option("--title", help="Title; by default made of the name.")
@click.option("--licence", help="Licence of the images.")
@click.option("--citation", help="What to cite for them.")
@click.option("--splits", type=click.Choice(["keep", "pool"]), help="Keep the source's test split as the hidden test.")
@click.option("--yes", is_flag=True, help="Ask nothing, and take the defaults.")
@workspace_option
@json_option
def new(
    name: str,
    source: Path,
    size: tuple[int, int] | None,
    leave_out: tuple[str, ...],
    class_names: str | None,
    title: str | None,
    licence: str | None,
    citation: str | None,
    splits: str | None,
    yes: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Look at images of your own and write the contest NAME for them into contests.d/ of the workspace.

    Says which classes, sizes and splits there are, what would be left out and what resized, and asks what it cannot
    know: title, licence, citation, and whether to keep the source's own test split.

    \b
    Example:
      hemobench contest new cells --source cells.zip
    """
    from harness import api
    from harness.cli._view import screen

    draft = api.draft_contest(workspace, name, source, size, ignore=leave_out)
    if not as_json:
        for line in facts(draft):
            screen.message(line)

    def ask(text: str, given: str | None, default: str, of: click.ParamType = click.STRING) -> str:
        if given is not None or yes or as_json:
            return default if given is None else given
        try:
            return str(click.prompt(text, default=default, type=of, err=True))
        except click.Abort:
            if sys.stdin.isatty():  # by hand; elsewhere the answers have ended
                raise
            click.echo(err=True)
            return default

    known = ", ".join(draft.classes)
    nameless = all(one.lstrip("-").isdigit() for one in draft.classes)
    names = ask("Class names, in the order of their labels", class_names, known) if nameless else class_names
    if names is not None and names != known:
        draft = draft.renamed([one.strip() for one in names.split(",")])

    draft = replace(
        draft,
        title=ask("Title", title, draft.title),
        licence=ask("Licence of the images", licence, draft.licence),
        citation=ask("To be cited", citation, draft.citation),
    )
    if "splits" in draft.source:
        choice = ask(
            "The source's test split: keep it as the hidden test, or pool all images and split them anew?",
            splits,
            draft.source["splits"],
            click.Choice(["keep", "pool"]),
        )
        draft = replace(draft, source={**draft.source, "splits": choice})
    elif splits is not None:
        raise click.UsageError(f"--splits would have no effect: {source} has no test split.")
    path = draft.write(workspace)
    if as_json:
        import msgspec

        document = {key: value for key, value in asdict(draft).items() if key not in ("path", "source", "split")}
        made = {"file": str(path), "resized": draft.resized, "needed": draft.needed, "freeze": draft.command}
        click.echo(msgspec.json.encode(document | made).decode())
        return
    screen.message(f"Wrote {path}")
    screen.message(f"Next: {draft.command}")


def facts(draft: Draft) -> list[str]:
    """Return what was found, a line each."""
    from harness.words import counted

    shown = ", ".join(f"{height} × {width} ({n:,})" for height, width, n in draft.sizes[:NAMED])
    more = f" and {len(draft.sizes) - NAMED} more" if len(draft.sizes) > NAMED else ""
    lines = [
        f"{counted(draft.images, 'image')}, {'grey' if draft.grey else 'in colour'}; height × width: {shown}{more}.",
        f"{counted(len(draft.classes), 'class')}: {', '.join(f'{name} {n:,}' for name, n in draft.classes.items())}.",
    ]
    if draft.resized:
        lines.append(f"Resized to {draft.height} × {draft.width}: {counted(draft.resized, 'image')}.")
    if draft.splits:
        lines.append(f"Splits of the source: {', '.join(f'{name} {n:,}' for name, n in draft.splits.items())}.")
    if group := draft.split.get("group"):
        lines.append(f"Groups: images that share a {group} stay in one split.")
    for reason, names in draft.left_out.items():
        listed = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        lines.append(f"Left out: {counted(len(names), 'item')}, {reason}: {listed}")
    lines.append(f"A contest needs {draft.needed} images of each class; the fewest are {min(draft.classes.values())}.")
    return lines
