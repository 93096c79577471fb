"""What Moodle does with a grading worksheet and with a table for its grade import, from what its code demands.

``mod/assign/feedback/offline/importgradeslib.php`` and ``locallib.php``, ``grade/import/csv/classes/load_data.php``,
``lib/csvlib.class.php`` and ``unformat_float``.
"""

import csv
import io
import re
from dataclasses import dataclass, field

LANGUAGES = {
    "en": {
        "id": "Identifier", "name": "Full name", "email": "Email address", "status": "Status", "grade": "Grade",
        "max": "Maximum grade", "can": "Grade can be changed", "sent": "Last modified (submission)",
        "modified": "Last modified (grade)", "feedback": "Feedback comments", "user": "Participant ",
        "yes": "Yes", "no": "No", "submitted": "Submitted for grading", "sign": ".",
        "when": "Monday, 4 May 2026, 12:00 PM",
    },
    "de": {
        "id": "ID", "name": "Vollständiger Name", "email": "E-Mail-Adresse", "status": "Status", "grade": "Bewertung",
        "max": "Bestwertung", "can": "Bewertung kann geändert werden", "sent": "Zuletzt geändert (Abgabe)",
        "modified": "Zuletzt geändert (Bewertung)", "feedback": "Feedback als Kommentar", "user": "Teilnehmer/in",
        "yes": "Ja", "no": "Nein", "submitted": "Zur Bewertung abgegeben", "sign": ",",
        "when": "Montag, 4. Mai 2026, 12:00",
    },
    "it": {
        "id": "Identificativo", "name": "Nome completo", "email": "Indirizzo email", "status": "Stato",
        "grade": "Valutazione", "max": "Voto massimo", "can": "La valutazione può essere modificata",
        "sent": "Ultima modifica (consegna)", "modified": "Ultima modifica (valutazione)",
        "feedback": "Commenti", "user": "Partecipante", "yes": "Sì", "no": "No",
        "submitted": "Consegnato per la valutazione", "sign": ",", "when": "lunedì, 4 maggio 2026, 12:00",
    },
}  # fmt: skip


class Refused(Exception):
    """Moodle takes nothing of the file."""


@dataclass
class Site:
    """A Moodle site with one assignment.

    Attributes
    ----------
    language : dict of str to str
        Its words, as in `LANGUAGES`.
    participants : dict of str to float or None
        By the number in the worksheet, the grade that each has.
    maximum : float
    locked : set of str
    """

    language: dict[str, str]
    participants: dict[str, float | None]
    maximum: float = 100
    locked: set[str] = field(default_factory=set)

    def unformat(self, text: str, strict: bool = False) -> float | None:
        """Read a number as a person of this site's language writes it; not strict: as far as it is one."""
        text = text.strip()
        if text == "":
            return None
        text = text.replace(" ", "").replace(self.language["sign"], ".")
        whole = re.match(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
        if strict and (not whole or whole[0] != text):
            raise Refused("badgrade")
        return float(whole[0]) if whole else 0.0

    def import_worksheet(self, content: bytes) -> dict[str, float]:
        """Return the grades that are given, by the participant's number."""
        header, *lines = read(content, ",")
        at = {}
        for place, title in enumerate(header):
            for what in ("id", "grade", "modified"):
                if title == self.language[what]:
                    at[what] = place
        if len(at) < 3:
            raise Refused("invalidgradeimport")
        given = {}
        for line in lines:
            number = line[at["id"]][len(self.language["user"]) :]
            if number not in self.participants:
                continue
            grade = self.unformat(line[at["grade"]])
            if grade is None or grade == self.participants[number] or grade < 0 or grade > self.maximum:
                continue
            if number not in self.locked:
                given[number] = grade
        return given


def read(content: bytes, separator: str) -> list[list[str]]:
    """Read a table as ``csv_import_reader`` does."""
    text = re.sub("\r\n?", "\n", content.decode("utf-8").removeprefix("\ufeff"))
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    if not rows:
        raise Refused("csvemptyfile")
    if any(len(row) != len(rows[0]) for row in rows):
        raise Refused("csvweirdcolumns")
    return [[title.strip() for title in rows[0]], *rows[1:]]


def import_grades(
    site: Site, content: bytes, separator: str, identity: str, users: set[str], item: str, most: float = 100
) -> dict[str, float | None]:
    """Return what the grade import gives, by the user's value of the column `identity`; one bad row refuses all."""
    header, *lines = read(content, separator)
    if header.count(identity) != 1 or header.count(item) != 1:
        raise Refused("cannotmapfield")
    given: dict[str, float | None] = {}
    for line in lines:
        user, text = line[header.index(identity)].strip(), line[header.index(item)].strip()
        if user not in users:
            raise Refused(f"usermappingerror {user}")
        grade = None if text in ("", "-") else site.unformat(text, strict=True)
        if grade is not None and grade > most:
            raise Refused("gradevaluetoobig")
        given[user] = grade
    return given
