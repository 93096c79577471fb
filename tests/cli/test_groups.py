"""The tree of verbs: what it holds, how it is shown, and what is said of a word that is none."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from harness import cli, plugins
from harness.cli import hemobench
from harness.cli.group import VerbGroup, verbs

HOME = Path(cli.__file__).parent
VERBS = {words[1:]: command for words, command in verbs(hemobench)}
GROUPS = [(), *(words for words, command in VERBS.items() if isinstance(command, VerbGroup))]
NO_VERBS = {"group", "options", "__init__", "__main__"}


def test_every_file_is_a_verb_with_its_place_in_the_help():
    files = [file.relative_to(HOME).with_suffix("").parts for file in HOME.rglob("*.py")]
    files = [file for file in files if file[0] != "_view" and file[-1] not in NO_VERBS]
    groups = {words for words in GROUPS if words}
    added = {(name,) for name in plugins.commands()}
    assert set(files) | groups | added == set(VERBS)
    assert {command.name for command in VERBS.values()} == {words[-1] for words in VERBS}


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_the_help_of_a_group_lists_its_verbs_under_headings_in_one_column(words):
    lines = CliRunner().invoke(hemobench, [*words, "--help"]).output.splitlines()
    below = [command for path, command in VERBS.items() if path[:-1] == words]
    rows = [line for line in lines for command in below if line.startswith(f"  {command.name} ")]
    assert [row.split()[0] for row in rows] == [command.name for command in below]
    size = max(len(command.name) for command in below)
    for row, command in zip(rows, below, strict=True):
        assert row[2 : 4 + size] == f"{command.name:{size}}  "
        assert row.endswith("."), "the short help is not cut"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("lint-bundle",), "hemobench codabench lint?"),
        (("export", "codabench", "course"), "hemobench codabench export or hemobench kaggle export?"),
        (("audit",), "hemobench ledger audit?"),
        (("sumbit",), "hemobench submit?"),
        (("contest", "replay"), "hemobench ledger replay?"),
        (("contest", "rule"), "hemobench contest rules?"),
        (("contest", "xyz"), "list, rules, kit, close"),
        (("codabench", "submit"), "hemobench submit?"),
    ],
)
def test_a_word_that_is_no_verb_gets_the_nearest_of_all_groups(words, near):
    done = CliRunner().invoke(hemobench, words)
    assert done.exit_code == 2
    assert near in " ".join(done.stderr.split())


def test_a_verb_of_another_package_has_a_section_of_its_own_and_takes_no_place_of_ours(monkeypatch):
    @click.command(short_help="Do more.")
    def more() -> None:
        click.echo("more was done")

    monkeypatch.setattr(plugins, "commands", lambda: {"more": lambda: more, "leaderboard": lambda: more})
    runner = CliRunner()
    assert "Added by other packages:\n  more       " in runner.invoke(hemobench, ["--help"]).output
    assert runner.invoke(hemobench, ["more"]).output == "more was done\n"
    assert "train" not in hemobench.list_commands(None)
    assert hemobench.get_command(None, "leaderboard") is not more


@pytest.mark.parametrize("words", [*GROUPS, ("pack",)], ids=" ".join)
def test_a_group_without_its_verb_prints_its_help_and_a_verb_tells_how_to_get_it(monkeypatch, capsys, words):
    monkeypatch.setattr("sys.argv", ["hemobench", *words])
    with pytest.raises(SystemExit) as done:
        cli.main()
    assert done.value.code == 2
    shown = capsys.readouterr().err
    assert f"Usage: {' '.join(('hemobench', *words))} [OPTIONS]" in shown
    assert ("Try: hemobench pack --help" in shown) == (words == ("pack",))
    assert max(map(len, shown.splitlines())) <= 80
