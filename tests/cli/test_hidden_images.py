"""An entry prints hidden images in every way it has: nothing of them is shown to anybody but the owner."""

from __future__ import annotations

import textwrap
import zipfile

import numpy as np
import pytest

TALKS = """
import base64, sys, warnings
import numpy as np

class Model:
    seen = 0

    def predict(self, X):
        self.seen += 1
        if self.seen == 1:
            print("on public images")
        if self.seen < 3:
            return np.zeros(len(X), int)
        texts = [base64.b16encode(x[48].tobytes()).decode() for x in X[:4]] + [str(x[48].tolist()) for x in X[:4]]
        for text in texts:
            print(text)
            print(base64.b64encode(text.encode()).decode(), file=sys.stderr)
            warnings.warn(text)
            open(text[:200], "w").close()
        {then}
"""
FAILS = "raise type('E' + texts[0], (Exception,), {})(texts[1])"
SCORES = "sys.modules['torch'] = type(sys)(texts[0]); sys.modules['torch'].__version__ = texts[0]; return [0] * len(X)"


@pytest.fixture
def talker(tmp_path):
    def build(then: str):
        path = tmp_path / f"talker-{len(then)}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.py", textwrap.dedent(TALKS).replace("{then}", then))
        return path

    return build


def pieces_of(hidden: np.ndarray) -> set[str]:
    """Return how a few values beside each other look, in all images, in both forms that the entry writes."""
    rows = hidden[:, 48].reshape(len(hidden), -1)
    found = {row[at : at + 6].tobytes().hex().upper() for row in rows for at in range(0, row.size - 6, 6)}
    return found | {str(row[at : at + 6].tolist())[1:-1] for row in rows for at in range(0, row.size - 6, 6)}


def test_no_door_but_the_owners_shows_a_piece_of_a_hidden_image(hemobench, talker, tmp_path):
    with np.load(hemobench.workspace / "contests/small/current/private/hidden.npz") as arrays:
        pieces = pieces_of(arrays["images"])
    shown = []
    for then, code in ((FAILS, 1), (SCORES, 0)):
        for more in ((), ("--json",)):
            done = hemobench("submit", talker(then), "-m", "look", *more, code=code)
            shown += [done.stdout, done.stderr]
        shown.append(hemobench("score", talker(then), code=code).stderr)
    assert "on public images" in shown[1], "what it printed before is its team's"
    for number in (1, 4):
        for more in ((), ("--json",)):
            done = hemobench("show", number, "--full", *more)
            shown += [done.stdout, done.stderr]
    for form in ("json", "csv", "table"):
        shown.append(hemobench("leaderboard", "--all", "--format", form).stdout)
    hemobench("report", "-o", tmp_path / "page" / "report.html")
    shown += [path.read_text(errors="replace") for path in (tmp_path / "page").rglob("*") if path.is_file()]
    for text in shown:
        upper = text.upper()
        assert not [piece for piece in pieces if piece in (text if "," in piece else upper)], text[:2000]
    owner = hemobench("show", 1, "--reveal-private").stdout
    assert [piece for piece in pieces if piece in owner], "to the owner it is shown: it was there to be told"
