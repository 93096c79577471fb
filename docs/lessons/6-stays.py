# %% [markdown]
# # Lesson 6 · A result that stays
#
# **Claim.** A result that names its bytes can be run again anywhere, and whatever is changed in it shows.
#
# "We cannot get the number of the paper any more" has few causes: other data, another model, another way of scoring,
# or a number that was never measured. Each of these can be bound to a hash. Here you make a result, take it
# elsewhere, run it again, and then try to forge it.

# %%
import hashlib
import os
import shutil
import sqlite3
import zipfile
from pathlib import Path

import numpy as np

from harness import api
from harness.errors import HarnessError
from harness.format import percent
from harness.lessons import open_cells, slide

WORKSPACE = Path("workspace")
cells = open_cells(WORKSPACE)
print("the lock of the contest, one hash for images, labels, split and shift:", cells.lock_hash[:16], "...")

# %% [markdown]
# ## An entry
#
# The mean colour of each class: a folder with `model.py` and its numbers.

# %%
ENTRY = Path("mean-colour")
ENTRY.mkdir(exist_ok=True)
train = cells.load("train")
colours = train.images.mean(axis=(1, 2))
np.save(ENTRY / "colours.npy", np.array([colours[train.labels == label].mean(axis=0) for label in range(8)]))
(ENTRY / "model.py").write_text("""import numpy as np


class Model:
    def __init__(self):
        self.colours = np.load("colours.npy")

    def predict(self, X):
        mean = X.mean(axis=(1, 2), dtype=np.float64)
        return ((mean[:, None] - self.colours) ** 2).sum(axis=2).argmin(axis=1)
""")

# %% [markdown]
# ## The same files, the same zip?
#
# Pack the folder as it is, after a touch that changes no content, from a copy whose files were made in the other
# order, and with other permissions: once with `zipfile`, as most would, once with the harness.


# %%
def by_zipfile(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in os.scandir(folder):
            archive.write(file.path, file.name)


def by_harness(folder, path):
    api.pack(folder, path)


def touched(folder):
    for file in folder.iterdir():
        os.utime(file, (1_000_000_000, 1_000_000_000))


def other_rights(folder):
    for file in folder.iterdir():
        file.chmod(0o600 if file.stat().st_mode & 0o077 else 0o644)


CHANGES = {"as it is": lambda folder: None, "touched": touched, "other rights": other_rights}
hashes = {"zipfile": [], "hemobench pack": []}
for name, change in CHANGES.items():
    folder = Path("packed") / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ENTRY, folder)
    change(folder)
    for tool, pack in (("zipfile", by_zipfile), ("hemobench pack", by_harness)):
        pack(folder, Path("packed.zip"))
        hashes[tool].append(hashlib.sha256(Path("packed.zip").read_bytes()).hexdigest())
for tool, found in hashes.items():
    print(f"{tool:15}", *(one[:12] for one in found), f" {len(set(found))} different")

# %% [markdown]
# ## On record, and run again
#
# Each score leaves a receipt in `ledger.jsonl`, which names the zip, the lock and the answers by their hashes, and
# the receipt before it. The head is the hash of the last one: who has written it down holds a proof of all that came
# before.

# %%
done = api.submit(WORKSPACE, str(ENTRY), "lesson 6")
score = done.card.scores["val"].metrics["accuracy"]
print(f"entry {done.entry}: {percent(score.value, 1)} % on val; head {done.head[:16]} ...")
again = api.replay(WORKSPACE, done.entry)
print("run again here:     ", "equal" if again.equal else again.results)
elsewhere = Path("elsewhere")
shutil.rmtree(elsewhere, ignore_errors=True)
shutil.copytree(WORKSPACE, elsewhere, symlinks=True)
moved = api.replay(elsewhere, done.entry)
print("run again elsewhere:", "equal" if moved.equal else moved.results)

# %% [markdown]
# ## Forge it
#
# Four ways to a better number, each in a copy of the workspace. Three checks look at it afterwards: the contest
# against its lock (`hemobench verify`), the books against the ledger and the head that you wrote down (`hemobench
# ledger audit --expect HEAD`), and the entry run again (`hemobench ledger replay`).


# %%
def an_easier_test(home):
    path = api.open_contest(home).folder / "public" / "val.npz"
    with np.load(path) as arrays:
        changed = dict(arrays)
    changed["labels"] = np.zeros_like(changed["labels"])
    path.chmod(0o644)
    np.savez(path, **changed)


def another_score_on_the_board(home):
    with sqlite3.connect(home / "board.sqlite3") as board:
        board.execute("UPDATE scores SET value = 0.99")


def another_receipt(home):
    path = home / "ledger.jsonl"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("lesson 6", "lesson VI"))


def another_zip(home):
    for path in (home / "zips").rglob("*.zip"):
        path.chmod(0o644)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("more.txt", "one file more")


def caught(check):
    """Say whether a check finds something, or refuses to go on."""
    try:
        return bool(check())
    except HarnessError:
        return True


CHECKS = {
    "verify": lambda home: api.verify(home),
    "ledger audit": lambda home: api.audit(home, expect=done.head).findings,
    "replay": lambda home: not api.replay(home, done.entry).equal,
}
FORGERIES = (lambda home: None, an_easier_test, another_score_on_the_board, another_receipt, another_zip)
names = ["nothing", *(one.__name__.replace("_", " ") for one in FORGERIES[1:])]
seen = np.zeros((len(FORGERIES), len(CHECKS)), bool)
for row, forge in enumerate(FORGERIES):
    shutil.rmtree(elsewhere)
    shutil.copytree(WORKSPACE, elsewhere, symlinks=True)
    forge(elsewhere)
    seen[row] = [caught(lambda check=check: check(elsewhere)) for check in CHECKS.values()]
    print(
        f"{names[row]:28}",
        *(f"{name}: {'caught' if hit else '–':8}" for name, hit in zip(CHECKS, seen[row], strict=True)),
    )

# %% [markdown]
# ## The figure

# %%
figure, (left, right) = slide("Bytes that are named can be checked", 2)
different = dict.fromkeys(one for found in hashes.values() for one in found)
colours_of = {one: place for place, one in enumerate(different)}
table = [[colours_of[one] for one in found] for found in hashes.values()]
left.imshow(table, cmap="tab10", vmin=0, vmax=9, aspect="auto")
for row, found in enumerate(hashes.values()):
    for column, one in enumerate(found):
        left.text(column, row, one[:6], ha="center", va="center", color="white", fontsize=14)
left.set_xticks(range(len(CHANGES)), list(CHANGES))
left.set_yticks(range(len(hashes)), [name.replace(" ", "\n") for name in hashes])
left.set_title("one colour: the same zip")
right.imshow(np.where(seen, 1.0, 0.0), cmap="Greens", vmin=0, vmax=1.6, aspect="auto")
for row, column in np.ndindex(*seen.shape):
    right.text(column, row, "caught" if seen[row, column] else "–", ha="center", va="center")
right.set_xticks(range(len(CHECKS)), list(CHECKS))
right.set_yticks(range(len(names)), names)
right.set_title("what each check sees")
for at in (left, right):
    at.tick_params(length=0)
    at.spines[:].set_visible(False)
figure.savefig("6-stays.png")

# %% [markdown]
# ## Exercise
#
# Write `pack`: a zip of some files that has the same bytes whenever, wherever and in whatever order it is made.
# `files` maps names to bytes; return the zip as bytes.

# %%
import io
import zipfile

from harness.lessons import check


def pack(files):
    """Return a zip as bytes that depend on names and contents alone."""
    raise NotImplementedError


check(6, pack)
