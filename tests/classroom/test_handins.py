"""A download is taken apart as each platform gives it; nothing in it is passed over without a word."""

import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from harness.classroom.handins import collect
from harness.classroom.roster import Roster, read_roster
from harness.classroom.times import read_time
from harness.contest import Limits
from harness.errors import ClassError, UsageError

MODEL = "class Model:\n    def predict(self, X):\n        return X[:, 0, 0, 0].astype(int) % 8\n"
ROSTER = (
    "name,id,email,team,alias,canvas_user_id\nZoë Müller,s1,zoe@x.example,Red,Fox,901\n"
    "Bo O'Neil,s2,bo@x.example,Red,,902\nEva Horn,s3,eva@x.example,Blue,,903\n"
    "Jan Novak,s4,jan4@x.example,Green,,904\nJan Novak,s5,jan5@x.example,Blue,,905\n"
)
TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.fixture
def roster(tmp_path) -> Roster:
    (tmp_path / "roster.csv").write_text(ROSTER)
    return read_roster(tmp_path / "roster.csv")


@pytest.fixture
def lms(tmp_path):
    """Write files into a download, by their path; None is an entry's zip, no two of them the same."""
    folder = tmp_path / "down load"

    def write(files: dict[str, str | None], folder=folder):
        for number, (name, text) in enumerate(files.items()):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("model.py", f"# {number}\n{MODEL}")
            else:
                path.write_text(text)
            os.utime(path, (TEN.timestamp() + 60 * number,) * 2)
        return folder

    return write


def teams(found):
    return [(one.team, f"{one.handed_in:%d %H:%M}", one.by) for one in found.found]


def read(folder, tmp_path, roster=None, **more):
    shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
    (tmp_path / "scratch").mkdir()
    return collect(folder, tmp_path / "scratch", roster or Roster(), Limits(), **more)


FORMS = {
    "Moodle": ["Zoë Müller_4001_assignsubmission_file_/a.zip", "Eva Horn_4002_assignsubmission_file/b.zip"],
    "Moodle, one folder": ["Zoe Mueller_1_assignsubmission_file_a.zip", "Eva Horn_4002_assignsubmission_file_b.zip"],
    "Moodle, groups": ["Red-Zoë Müller_4001_assignsubmission_file_/a.zip", "Blue_4002_assignsubmission_file_/b.zip"],
    "Moodle, blind": ["Participant_4001_assignsubmission_file_/a.zip", "Participant_4002_assignsubmission_file_/b.zip"],
    "Canvas": ["mullerzoe_901_77_a.zip", "horneva_LATE_903_78_b-1.zip"],
    "by folder": ["Red/final/a.zip", "blue/b.zip"],
    "flat": ["red.zip", "s3.zip"],
    "flat, by e-mail": ["zoe@x.example.zip", "eva@x.example.zip"],
    "below": ["all/of it/red.zip", "all/of it/Blue.zip"],
}


WAYS = [(form, way) for form in FORMS for way in ("folder", "zip", "zip in a folder")]


# A zip in a folder is taken for an entry unless its names are a platform's.
@pytest.mark.parametrize(("form", "way"), [one for one in WAYS if one[1] != "zip in a folder" or one[0][0] in "MC"])
def test_a_download_is_read_as_it_comes(form, way, lms, tmp_path):
    names = FORMS[form]
    table = ROSTER.replace("Zoë Müller,s1", "Zoe Mueller,s1") if "Mueller" in names[0] else ROSTER
    if "Participant" in names[0]:  # the roster is then the grading worksheet, which has these numbers
        table = "Identifier,Full name,Group\nParticipant 4001,Zoë Müller,Red\nParticipant 4002,Eva Horn,Blue\n"
    (tmp_path / "roster.csv").write_text(table)
    folder = lms(dict.fromkeys(names))
    if way != "folder":
        (tmp_path / "days").mkdir()
        zipped = Path(shutil.make_archive(str(tmp_path / "days" / "monday"), "zip", folder))
        folder = zipped if way == "zip" else zipped.parent
    found = read(folder, tmp_path, read_roster(tmp_path / "roster.csv"))
    assert not found.problems
    red = "Fox" if "alias" in table else "Red"
    assert teams(found) == [(red, "20 10:00", "file"), ("Blue", "20 10:01", "file")]
    assert [one.marked_late for one in found.found] == [False, "LATE" in names[1]]
    assert all(zipfile.ZipFile(one.zip_path).namelist() == ["model.py"] for one in found.found)
    assert any("2 of 2 zips" in note for note in found.notes), "that times are those of files is said"


def test_without_a_roster_teams_are_called_as_the_download_calls_them(lms, tmp_path):
    folder = lms(
        dict.fromkeys(("Zoë  Müller_41_assignsubmission_file_/a.zip", "Ann Lee_42_assignsubmission_file_/b.zip"))
    )
    assert [team for team, *_ in teams(read(folder, tmp_path))] == ["Zoë Müller", "Ann Lee"]


def test_gradescope_unpacks_what_was_handed_in_and_says_when_and_by_whom(lms, roster, tmp_path):
    folder = lms(
        {
            "assignment_9_export/submission_1/model.py": MODEL,
            "assignment_9_export/submission_1/weights/w.txt": "1",
            "assignment_9_export/submission_2/inner/model.py": MODEL,
            "assignment_9_export/submission_metadata.yml": "submission_1:\n  :submitters:\n  - :name: Z\n"
            "    :sid: s1\n    :email: zoe@x.example\n  :created_at: 2026-11-21 12:00:00.5 Z\nsubmission_2:\n"
            "  :submitters:\n  - :name: Jan Novak\n    :sid: s4\n  :created_at: '2026-11-20 12:00:00 -0800'\n",
        }
    )
    for there in (folder, shutil.make_archive(str(tmp_path / "export"), "zip", folder)):
        found = read(tmp_path / there, tmp_path, roster)
        assert teams(found) == [("Green", "20 20:00", "listing"), ("Fox", "21 12:00", "listing")]
        assert sorted(zipfile.ZipFile(found.found[1].zip_path).namelist()) == ["model.py", "weights/w.txt"]
        assert not found.problems


def test_nbgrader_folders_and_their_time_stamps(lms, roster, tmp_path):
    folder = lms(
        {
            "submitted/s1/contest/model.py": MODEL,
            "submitted/s1/contest/timestamp.txt": "2026-11-22 10:00:00 UTC",
            "submitted/s3/contest/entry.zip": None,
            "submitted/s3/contest/timestamp.txt": "2026-11-22 09:00:00 Europe/Rome",
        }
    )
    found = read(folder, tmp_path, roster)
    assert teams(found) == [("Fox", "22 10:00", "timestamp")]
    assert "Europe/Rome" in found.problems[0].what and found.problems[0].team == "Blue"
    assert zipfile.ZipFile(found.found[0].zip_path).namelist() == ["model.py"], "the stamp is no part of the entry"


def test_a_pattern_reads_any_other_form(lms, roster, tmp_path):
    folder = lms(dict.fromkeys(("w1/s1-2026-11-21T10.zip", "w1/eva@x.example-2026-11-20T10.zip")) | {"w1/x": "?"})
    pattern = r"(?P<student_id>s\d)-(?P<timestamp>.*)\.zip|(?P<email>[^/]+)-(?P<timestamp2>.*)\.zip"
    with pytest.raises(UsageError, match="timestamp2"):
        read(folder, tmp_path, roster, pattern=pattern)
    pattern = r"((?P<student_id>s\d)|(?P<email>[^/]+))-(?P<timestamp>2026.*)\.zip"
    found = read(folder, tmp_path, roster, pattern=pattern)
    assert teams(found) == [("Blue", "20 10:00", "pattern"), ("Fox", "21 10:00", "pattern")]
    assert [one.place for one in found.problems] == ["w1/x"]
    for wrong in ("(", "no group"):
        with pytest.raises(UsageError):
            read(folder, tmp_path, pattern=wrong)


LISTINGS = {
    "of folders": "folder,team,handed_in\nA_1_assignsubmission_file_,Blue,2026-11-21T10:00:00+00:00\n"
    "B_2_assignsubmission_file,Green,2026-11-22T10:00:00+00:00\n",
    "of files": "file;team;time\nx.zip;Blue;21.11.2026 11:00\n"
    "B_2_assignsubmission_file_/y.zip;Green;22.11.2026 11:00\n",
    "a worksheet in German": '"ID","Vollständiger Name","Gruppe",'
    '"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)"\n'
    '"Teilnehmer/in 1",A,Blue,"Samstag, 21. November 2026, 11:00","-"\n'
    '"Teilnehmer/in 2",B,Green,"Sonntag, 22. November 2026, 11:00","Montag, 23. November 2026, 11:00"\n',
}


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("text", LISTINGS.values(), ids=LISTINGS)
def test_a_listing_says_when_each_came(text, inside, lms, roster, tmp_path):
    folder = lms(dict.fromkeys(("A_1_assignsubmission_file_/x.zip", "B_2_assignsubmission_file_/y.zip")))
    path = (folder if inside else tmp_path) / "list.csv"
    path.write_text(text, encoding="utf-8-sig")
    more = {} if inside else {"listing": path}
    if "Group" in text or "Gruppe" in text:
        roster = read_roster(path)
    found = read(folder, tmp_path, roster, zone=ZoneInfo("Europe/Rome"), **more)
    assert teams(found) == [("Blue", "21 10:00", "listing"), ("Green", "22 10:00", "listing")]
    assert not found.problems, "the listing itself is no hand-in"


@pytest.mark.parametrize(
    "forged",
    [
        "Eva Horn_4_assignsubmission_file_/times.csv",
        "Eva Horn_4_assignsubmission_file_/submission_metadata.yml",
        "Eva Horn_4_assignsubmission_file_/timestamp.txt",
        "Blue/times.csv",
        "Blue/inner/timestamp.txt",
    ],
)
@pytest.mark.parametrize("alone", [False, True])
def test_what_a_team_writes_of_times_is_no_listing(forged, alone, lms, roster, tmp_path):
    text = {
        "times.csv": "file,team,handed_in\nentry.zip,Red,2020-01-01\n",
        "timestamp.txt": "2020-01-01",
        "submission_metadata.yml": "entry.zip:\n  :created_at: 2020-01-01\n",
    }[forged.rpartition("/")[2]]
    mine = f"{forged.partition('/')[0]}/entry.zip"
    found = read(lms({mine: None, forged: text} | ({} if alone else {"Green/x/entry.zip": None})), tmp_path, roster)
    assert teams(found)[0] == ("Blue", "20 10:00", "file")


def test_a_zip_of_somebody_is_no_download_whatever_is_in_it(lms, roster, tmp_path):
    for place in ("mullerzoe_901_77_a.zip", "red.zip", "Zoë Müller_1_assignsubmission_file_/a.zip"):
        folder = lms({}, tmp_path / place[:3])
        (folder := tmp_path / place[:3]).mkdir()
        (folder / place).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(folder / place, "w") as archive:
            archive.writestr("Eva Horn_4_assignsubmission_file_/model.py", MODEL)
        assert {one.team for one in read(folder, tmp_path, roster).found} == {"Fox"}


def test_lines_that_name_files_alike_are_of_their_owners(lms, roster, tmp_path):
    folder = lms(dict.fromkeys(("Red/entry.zip", "Blue/entry.zip", "Green/entry.zip")))
    (folder / "list.csv").write_text(
        "team;file;handed in\nBlue;entry.zip;2026-11-22 10:00\nRed;entry.zip;2026-11-21 10:00\n"
        "Green;Green\\entry.zip;2026-11-23 10:00\n"
    )
    found = read(folder, tmp_path, roster)
    assert teams(found) == [
        ("Fox", "21 10:00", "listing"),
        ("Blue", "22 10:00", "listing"),
        ("Green", "23 10:00", "listing"),
    ]


def test_a_listing_names_a_zip_that_was_unpacked_and_a_folder_may_be_called_as_a_zip(lms, roster, tmp_path):
    folder = lms({"Red.zip/model.py": MODEL, "Blue/model.py": MODEL})
    (folder / "list.csv").write_text("file,handed_in\nred.zip,2026-11-21 10:00\nBlue.zip,2026-11-22 10:00\n")
    assert [team for team, *_ in teams(read(folder, tmp_path, roster))] == ["Fox", "Blue"]
    assert [team for team, *_ in teams(read(folder, tmp_path))] == ["Red", "Blue"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04\x14\x00[Content_Types].xml", "spreadsheet"),
        (b"<!DOCTYPE html>\n<html><body>Log in", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "spreadsheet"),
        (b"", "no column"),
        (b"file,team,handed_in\na.zip,Red,0001-01-01 00:00\n", "no time"),
    ],
)
def test_a_listing_that_is_none_is_called_what_it_is(data, said, lms, tmp_path):
    (tmp_path / "list.csv").write_bytes(data)
    with pytest.raises(ClassError, match=said):
        read(lms({"Red.zip": None}), tmp_path, listing=tmp_path / "list.csv", zone=ZoneInfo("Europe/Rome"))


def test_a_name_too_long_for_the_board_is_said_at_once(lms, tmp_path):
    folder = lms({f"{'n' * 81}.zip": None, f"{'m' * 80}.zip": None})
    found = read(folder, tmp_path)
    assert [one.team for one in found.found] == ["m" * 80]
    assert "80 printable" in found.problems[0].what
    (tmp_path / "roster.csv").write_text(f"name,id\n{'n' * 81},s1\n")
    with pytest.raises(ClassError, match="give it an alias"):
        read_roster(tmp_path / "roster.csv")


def test_every_problem_is_named_and_stops_nothing(lms, roster, tmp_path):
    folder = lms(
        {
            "Zoë Müller_1_assignsubmission_file_/report.pdf": "pdf",
            "Bo O'Neil_2_assignsubmission_file_/entry.rar": "rar",
            "Jan Novak_3_assignsubmission_file_/entry.zip": None,
            "Nobody Known_4_assignsubmission_file_/entry.zip": None,
            "Blue_5_assignsubmission_file_/entry.zip": None,
            "Blue_5_assignsubmission_file_/notes.txt": "?",
            "Green/model.py": "class Modell:\n    pass\n",
            ".DS_Store": "x",
        }
    )
    (folder / "Red_6_assignsubmission_file_").mkdir()
    (folder / "link.zip").symlink_to(folder / "nowhere")
    found = read(folder, tmp_path, roster)
    assert [one.team for one in found.found] == ["Blue"]
    problems = {one.place.split("_")[0]: one for one in found.problems}
    assert set(problems) == {"Zoë Müller", "Bo O'Neil", "Jan Novak", "Nobody Known", "Green", "Red", "link.zip"}
    assert (problems["Zoë Müller"].team, problems["Nobody Known"].team) == ("Fox", "")
    assert "report.pdf" in problems["Zoë Müller"].what and ".zip" in problems["Bo O'Neil"].hint
    assert "Known:" not in problems["Nobody Known"].hint, "a class may have hundreds"
    assert "s4" in problems["Jan Novak"].what and "s5" in problems["Jan Novak"].what, "who it may be of"
    assert "empty" in problems["Red"].what
    assert problems["Green"].hint and str(tmp_path) not in problems["Green"].what + problems["Green"].hint
    assert any("notes.txt" in note for note in found.notes) and any("1 file" in note for note in found.notes)


def test_a_zip_too_large_or_damaged_is_no_reason_to_stop(lms, roster, tmp_path):
    folder = lms({"Zoë Müller_1_assignsubmission_file_/a.zip": None, "Blue_2_assignsubmission_file_/b.zip": None})
    big = folder / "Blue_2_assignsubmission_file_" / "b.zip"
    big.write_bytes(big.read_bytes() + bytes(2_100_000))
    path = shutil.make_archive(str(tmp_path / "all"), "zip", folder)
    (tmp_path / "scratch").mkdir()
    found = collect(tmp_path / path, tmp_path / "scratch", roster, Limits(zip_mb=2))
    assert [one.team for one in found.found] == ["Fox"]
    assert [(one.team, "2 MB" in one.what) for one in found.problems] == [("Blue", True)]


def test_what_is_no_download_is_said(lms, tmp_path):
    folder = lms({"entry.zip": None, "empty.txt": ""})
    with pytest.raises(UsageError, match="is an entry"):
        read(folder / "entry.zip", tmp_path)
    for path in (folder / "empty.txt", folder / "nowhere"):
        with pytest.raises(UsageError):
            read(path, tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ClassError, match="nothing that was handed in"):
        read(tmp_path / "nothing", tmp_path)
    (tmp_path / "list.csv").write_text("file,when\na.zip,1\n")
    with pytest.raises(ClassError, match="times"):
        read(folder, tmp_path, listing=tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("file,time\na.zip,3/4/2026 10:00\nb.zip,soon\n")
    with pytest.raises(ClassError) as error:
        read(folder, tmp_path, listing=tmp_path / "list.csv")
    assert "line 2" in error.value.message and "line 3" in error.value.message


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Friday, 20 November 2026, 10:00 AM",
            "Freitag, 20. November 2026, 10:00",
            "venerdì, 20 novembre 2026, 10:00",
        ),
        *("vendredi 20 novembre 2026, 10:00", "viernes, 20 de noviembre de 2026, 10:00", "20.11.2026 10:00"),
        *("2026-11-20T09:00:00Z", "2026-11-20 01:00:00 -0800", "Nov 20, 2026 10:00am", "1795165200"),
    ],
)
def test_times_are_read_in_the_language_of_the_site(text):
    assert read_time(text, ZoneInfo("Europe/Rome")) == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["3/4/2026 10:00", "10:00", "Nov 20 at 10am", "soon", "Nov 20, 2026 10:00 PST", "9" * 400]
)
def test_a_time_that_may_be_two_is_refused(text):
    with pytest.raises(ValueError, match=r"may be|is no time"):
        read_time(text, UTC)
