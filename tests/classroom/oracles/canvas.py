"""What Canvas does with a gradebook, from what ``lib/gradebook_importer.rb`` demands."""

import csv
import io
import re
from dataclasses import dataclass

NOT_ASSIGNMENTS = re.compile(
    "Current Score|Current Points|Current Grade|Final Score|Final Points|Final Grade|"
    "Override Score|Override Grade|Override Status"
)


class Refused(Exception):
    """Canvas takes nothing of the file."""


@dataclass
class Course:
    """A course: assignments by id with their title, and users by id with their name and login."""

    assignments: dict[int, str]
    users: dict[int, tuple[str, str]]

    def import_gradebook(self, content: bytes) -> dict[int, dict[int, str]]:
        """Return what the file says, by assignment and user; whatever would be made anew has an id below 0."""
        text = content.decode("utf-8-sig")
        separator = separator_of(text)
        lines = [line for line in text.splitlines(keepends=True) if not re.fullmatch("[;, ]+", line.rstrip("\r\n"))]
        rows = list(csv.reader(io.StringIO("".join(lines), newline=""), delimiter=separator, strict=True))
        header = rows[0]
        first = 0 if "Student" in header[0] and "ID" in header[1] else 1
        if first and not ("LastName" in header[0] and "FirstName" in header[1] and "ID" in header[2]):
            raise Refused("Invalid header row")
        names = 3 + first
        login = None
        students = names
        if re.search(r"SIS\s+Login\s+ID", header[names - 1]):
            login, students = names - 1, names + 1
        elif re.search(r"SIS\s+User\s+ID", header[names - 1]) and re.search(r"SIS\s+Login\s+ID", header[names]):
            login, students = names, names + 2
        if "Section" not in header[students - 1]:
            raise Refused("Invalid header row")
        columns = {}
        for place, title in list(enumerate(header))[students:]:
            if not NOT_ASSIGNMENTS.search(title):
                columns[place] = self.assignment_of(title, -place)
        found: dict[int, dict[int, str]] = {assignment: {} for assignment in columns.values()}
        points: list[str] = []
        for row in rows[1:]:
            row = [decimal(cell) for cell in row]
            if "Points Possible" in row[0]:
                points = row
            elif not all(re.fullmatch(r"\s*(Muted|Manual Posting.*)?\s*", cell, re.IGNORECASE) for cell in row):
                user = self.user_of(row, first, login)
                for place, assignment in columns.items():
                    found[assignment][user] = row[place].strip()
        return {
            assignment: found[assignment]
            for place, assignment in columns.items()
            if not (points and re.search(r"read\s+only", points[place]))
        }

    def assignment_of(self, title: str, new: int) -> int:
        match = re.fullmatch(r"(.*?)\s*\((\d+)\)", title)
        if match and int(match[2]) in self.assignments:
            return int(match[2])
        return next((number for number, known in self.assignments.items() if known == title), new)

    def user_of(self, row: list[str], first: int, login: int | None) -> int:
        if row[1 + first].isdigit() and int(row[1 + first]) in self.users:
            return int(row[1 + first])
        name = f"{row[1]} {row[0]}" if first else row[0]
        for number, (known, own) in self.users.items():
            if (login is not None and row[login] == own) or name == known:
                return number
        return -1


def separator_of(text: str) -> str:
    """Tell semicolons from commas by the first three lines, as Canvas does."""
    lines, counts = text.splitlines()[:3], {}
    for separator in ";,":
        try:
            sizes = {len(next(csv.reader([line], delimiter=separator, strict=True), [])) for line in lines}
        except csv.Error:
            sizes = set()
        counts[separator] = sizes.pop() if len(sizes) == 1 else 0
    return ";" if counts[";"] > counts[","] else ","


def decimal(cell: str) -> str:
    """Turn the last comma or point of a number into a decimal point, and take the others away."""
    if not re.fullmatch(r"-?[0-9.,]+%?", cell):
        return cell
    *whole, last = re.split("[,.]", cell)
    return f"{''.join(whole)}.{last}" if whole else last


def is_same(new: str, old: str) -> bool:
    """Say whether Canvas takes a grade for unchanged: at two decimals, and no score for no score."""
    if new == old or (new in ("", "-") and old in ("", "-")):
        return True
    if not new or not old or "EX" in (new.upper(), old.upper()):
        return False
    return f"{float(new):.2f}" == f"{float(old):.2f}"
