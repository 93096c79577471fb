"""The worker's own rules and quirks, each on a bundle of a few lines."""

import json
import textwrap

import pytest

from harness.errors import IsolationError
from harness.platforms.codabench import container
from harness.platforms.codabench.bundle import open_bundle
from harness.platforms.codabench.container import split_command
from harness.platforms.codabench.scores import leaderboard_cells
from harness.sandbox.watch import SCRATCH_FILES
from tests.platforms.lint.cases import build, put

pytestmark = pytest.mark.usefixtures("reads_in_one_process")
TELL = "import sys; print(sys.argv)\n"


@pytest.fixture
def made(tmp_path):
    """Return a function that builds a bundle with these programs; a command of None means no ingestion program."""

    def make(scoring="", ingestion="", *, change=None, commands=None):
        def all_of_it(config, folder):
            (folder / "scoring_program" / "scoring.py").write_text(textwrap.dedent(scoring))
            (folder / "ingestion_program" / "ingestion.py").write_text(textwrap.dedent(ingestion))
            for name, command in (commands or {}).items():
                (folder / name / "metadata.yaml").write_text(f"command: {json.dumps(command)}\n")
            if change:
                change(config, folder)

        return build(tmp_path / "bundle", all_of_it)

    return make


def scores_of(text):
    return f"open('/app/output/scores.json', 'w').write({text!r})\n"


GOOD = scores_of('{"accuracy": 0.5, "macro_f1": 0.25}')
LIST_RES = (
    """
import json, os
seen = sorted(os.listdir('/app/input/res'))
print(seen)
"""
    + GOOD
)


def test_a_submission_without_metadata_is_copied_into_the_output(made, entry, rehearsed):
    found = rehearsed(made(LIST_RES), entry(files={"predictions.csv": "1\n", "sub/x.txt": "2"}))
    assert found.scored
    assert "['metadata', 'predictions.csv', 'sub']" in found.steps[1].containers[0].stdout


def test_a_submission_with_metadata_but_no_command_is_neither_copied_nor_run(made, entry, rehearsed):
    found = rehearsed(made(LIST_RES), entry(files={"predictions.csv": "1\n", "metadata": "description: mine\n"}))
    assert "['metadata']" in found.steps[1].containers[0].stdout
    assert any("without a command" in note for note in found.steps[0].notes)


def test_a_submission_with_a_command_runs_beside_ingestion_and_shares_its_output(made, entry, rehearsed):
    ingestion = """
    import os, time
    for _ in range(6000):
        if os.path.exists('/app/output/hello'):
            break
        time.sleep(0.05)
    hello = open('/app/output/hello').read()
    open('/app/output/answer', 'w').write(hello + str(os.path.exists('/app/ingested_program/run.py')))
    """
    scoring = "print(open('/app/input/res/answer').read())\n" + GOOD
    own = "import os; open('/app/output/hello', 'w').write(str(sorted(os.listdir('/app'))))\n"
    found = rehearsed(
        made(scoring, ingestion), entry(files={"run.py": own, "metadata.yaml": "command: python3 run.py\n"})
    )
    assert {container.kind for container in found.steps[0].containers} == {"program", "ingestion"}
    assert "['data', 'input_data', 'output', 'program']True" in found.steps[1].containers[0].stdout


def test_a_failing_ingestion_program_is_not_noticed(made, entry, rehearsed):
    found = rehearsed(made(GOOD, "raise SystemExit(3)"), entry("x = 1\n"))
    assert found.status == "Finished" and found.scored
    assert "exit code 3, which the worker ignores" in found.steps[0].notes[0]


def test_a_failing_scoring_program_fails_the_run(made, entry, rehearsed):
    found = rehearsed(made(GOOD + "raise SystemExit(3)"), entry("x = 1\n"))
    assert (found.status, found.message) == ("Failed", "Child task failed or non-zero return code")
    assert found.scores == {}


WRITTEN = [
    ('{"accuracy": 0.5, "macro_f1": 0.25}', {"accuracy": 0.5, "macro_f1": 0.25}, ""),
    ('{"accuracy": NaN, "macro_f1": 0.25}', {"accuracy": None, "macro_f1": None}, "no finite number"),
    ('{"accuracy": "0.5", "macro_f1": 0.25}', {"accuracy": None, "macro_f1": None}, "no finite number"),
    ('{"accuracy": 0.5}', {"accuracy": 0.5, "macro_f1": None}, "its cell stays empty"),
    ('{"accuracy": 0.5, "macro_f1": 1, "x": 2}', {"accuracy": 0.5, "macro_f1": 1}, "is no column's key"),
    ("{accuracy: 0.5}", {}, "Could not decode scores json properly"),
    ("[1]", {}, "expected a flat object"),
    ("", {}, "Could not find scores file"),
]


@pytest.mark.parametrize(("written", "cells", "said"), WRITTEN)
def test_scores_are_taken_dropped_or_lost_as_on_the_server(written, cells, said, made, tmp_path):
    (tmp_path / "output").mkdir()
    if written:
        (tmp_path / "output" / "scores.json").write_text(written)
    with open_bundle(made()) as bundle:
        found, notes = leaderboard_cells(bundle, tmp_path / "output")
    assert found == cells
    assert any(said in note for note in notes) if said else not notes


@pytest.mark.parametrize(
    ("written", "cells", "said"),
    [
        WRITTEN[1],
        WRITTEN[5],
        (
            "open('/app/output/scores.txt', 'w').write('accuracy: 0.5\\nmacro_f1: 0.25\\n')",
            {"accuracy": 0.5, "macro_f1": 0.25},
            "",
        ),
    ],
)
def test_a_run_is_finished_whatever_its_scores_are_and_scored_when_they_fill_every_cell(
    written, cells, said, made, entry, rehearsed
):
    found = rehearsed(made(written if "open" in written else scores_of(written)), entry("x = 1\n"))
    assert found.status == "Finished", "the status is set before the scores are sent"
    assert found.scores == cells
    assert found.scored == (bool(cells) and None not in cells.values())
    assert any(said in note for note in found.steps[1].notes) if said else not found.steps[1].notes


def test_a_file_called_metadata_in_the_output_fails_the_step(made, entry, rehearsed):
    found = rehearsed(made(GOOD, "open('/app/output/metadata', 'w').write('x')"), entry("x = 1\n"))
    assert found.status == "Failed" and "already contains a metadata file" in found.message
    assert len(found.steps) == 1


@pytest.mark.parametrize("step", ["prediction", "scoring"])
def test_each_step_has_the_whole_time_limit_and_no_more(step, made, entry, rehearsed):
    sleep = "import time; time.sleep(600)\n"
    programs = (GOOD, sleep) if step == "prediction" else (sleep, "")
    bundle = made(*programs, change=put("phases.0.execution_time_limit", 5))
    found = rehearsed(bundle, entry("x = 1\n"))
    assert (found.status, found.message) == ("Failed", "Execution Time Limit exceeded. Limit was 5 seconds")
    assert found.steps[-1].name == step
    assert found.steps[-1].containers[0].exit_code is None
    assert found.steps[-1].containers[0].seconds >= 5


def test_a_command_is_split_and_not_given_to_a_shell(made, entry, rehearsed):
    bundle = made(TELL + GOOD, commands={"scoring_program": "python3 scoring.py 'a b' && echo $HOME"})
    found = rehearsed(bundle, entry("x = 1\n"))
    assert "['scoring.py', 'a b', '&&', 'echo', '$HOME']" in found.steps[1].containers[0].stdout
    assert split_command("bash -c 'a && b'") == ["bash", "-c", "a && b"]


def test_a_command_that_is_not_there_is_said(made, entry, rehearsed):
    found = rehearsed(made(GOOD, commands={"scoring_program": "python2 scoring.py"}), entry("x = 1\n"))
    assert found.status == "Failed" and "'python2'" in found.steps[1].containers[0].stderr


def test_variables_of_old_bundles_are_replaced(made, entry, rehearsed):
    commands = {
        "ingestion_program": "python3 $program/ingestion.py $input $output $submission_program",
        "scoring_program": "python3 $program/scoring.py $input $output $hidden $predictions",
    }
    found = rehearsed(made(TELL + GOOD, TELL, commands=commands), entry("x = 1\n"))
    first, second = (step.containers[0].stdout for step in found.steps)
    assert "'/app/program/ingestion.py', '/app/input_data', '/app/output', '/app/ingested_program'" in first
    assert "'/app/program/scoring.py', '/app/input', '/app/output', '/app/input/ref', '/app/input/res'" in second


@pytest.mark.parametrize("kind", ["ingestion", "scoring"])
def test_a_program_without_metadata_or_command_fails_as_on_the_server(kind, made, entry, rehearsed):
    def change(config, folder):
        (folder / f"{kind}_program" / "metadata.yaml").write_text("description: mine\n")

    found = rehearsed(made(GOOD, change=change), entry("x = 1\n"))
    if kind == "ingestion":
        assert (found.status, found.message) == ("Failed", "Program directory missing 'command' in metadata")
    else:
        assert found.status == "Finished" and not found.scored
        assert any("Could not find scores file" in note for note in found.steps[1].notes)


def test_labels_are_in_reach_when_ingestion_runs_during_scoring_and_only_then(made, entry, rehearsed):
    looks = "import os; print(sorted(os.listdir('/app')), os.path.exists('/app/input/ref/labels.npy'))\n"
    apart = rehearsed(made(looks + GOOD, looks), entry("x = 1\n"))
    assert (
        apart.steps[0].containers[0].stdout == "['data', 'ingested_program', 'input_data', 'output', 'program'] False\n"
    )
    assert apart.steps[1].containers[0].stdout == "['data', 'input', 'output', 'program', 'shared'] True\n"


def test_the_leak_of_ingestion_during_scoring_is_shown(made, entry, rehearsed):
    looks = "import os; print(os.path.exists('/app/input/ref/labels.npy'), os.listdir('/app/ingested_program'))\n"
    found = rehearsed(
        made(GOOD, looks, change=put("tasks.0.ingestion_only_during_scoring", True)),
        entry(files={"mine.py": "x = 1\n"}),
    )
    assert [len(step.containers) for step in found.steps] == [0, 2]
    (ingestion,) = [one for one in found.steps[1].containers if one.kind == "ingestion"]
    assert ingestion.stdout.startswith("True") and "mine.py" in ingestion.stdout
    assert any("can read the labels" in note for note in found.steps[1].notes)


def test_a_flood_of_output_is_kept_short_and_grandchildren_die(made, entry, rehearsed):
    flood = """
    import os, sys
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
    sys.stdout.write('x' * 3_000_000)
    """
    found = rehearsed(made(GOOD, flood), entry("x = 1\n"))
    assert found.scored
    out = found.steps[0].containers[0].stdout
    assert len(out) < 300_000 and "bytes cut out here" in out


def test_without_any_isolation_it_is_said_what_to_install(made, entry, rehearsed, monkeypatch, tmp_path):
    container.best_isolation.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(IsolationError) as raised:
        rehearsed(made(GOOD), entry("x = 1\n"))
    assert all(program in raised.value.message for program in ("bwrap", "unshare"))
    assert "apt install bubblewrap" in raised.value.hint


def test_files_in_memory_are_counted_too(made, entry, rehearsed):
    make = "import os\nfor i in range(N): os.mkdir(f'/tmp/{i}')\n" + GOOD
    found = rehearsed(made(make.replace("N", "1_000_000")), entry("x = 1\n"))
    assert (found.status, f"{SCRATCH_FILES:,} files" in found.message) == ("Failed", True), found


def test_a_thousand_files_in_memory_are_few(made, entry, rehearsed):
    make = "import os\nfor i in range(1000): os.mkdir(f'/tmp/{i}')\n" + GOOD
    assert rehearsed(made(make), entry("x = 1\n")).scored


def test_a_program_reaches_no_memory_of_its_init_and_holds_nothing_of_the_harness(made, entry, rehearsed):
    program = """
    import os
    try:
        open("/proc/1/mem", "r+b")
        print("init is open")
    except OSError:
        print("init is closed")
    with os.scandir("/proc/self/fd") as ends:
        print("open:", sorted(int(end.name) for end in ends))
    """
    found = rehearsed(made(textwrap.dedent(program) + GOOD), entry(files={"predictions.csv": "1\n"}))
    assert found.scored
    assert "init is closed\nopen: [0, 1, 2, 3]\n" in found.steps[1].containers[0].stdout


def test_where_one_container_does_not_start_the_other_is_ended(monkeypatch, tmp_path):
    running, argv, start = [], container.argv, container.Running

    def broken_for_programs(one, *args):
        return ["false"] if one.kind == "program" else argv(one, *args)

    def started(*args):
        running.append(start(*args))
        return running[-1]

    roots = [tmp_path / "a", tmp_path / "b"]
    for root in roots:
        root.mkdir()
    container.best_isolation()  # before the commands are broken
    monkeypatch.setattr(container, "argv", broken_for_programs)
    monkeypatch.setattr(container, "_watch", lambda running, *_: running[0].process.wait() and "time")
    monkeypatch.setattr(container, "Running", started)
    both = [
        container.Container(kind, "sleep 1000", (), root)
        for kind, root in zip(("program", "ingestion"), roots, strict=True)
    ]
    with pytest.raises(IsolationError, match="did not start"):
        container.run_containers(both, container.StepLimits(1000.0, 1000, 1000), [])
    assert len(running) == 2
    assert all(one.process.returncode is not None and one.process.stdout.closed for one in running)
