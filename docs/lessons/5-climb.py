# %% [markdown]
# # Lesson 5 · Climbing the public board
#
# **Claim.** A public board can be won with random labels; the private one then shows what was won.
#
# No image is opened in the first half of this lesson. An attacker sends labels and reads the public score of each
# submission, as everybody does. How far does that carry, and what stops it?

# %%
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeClassifier

from harness.analysis.overfitting import best_of_k_bias, boosting_gain
from harness.analysis.ranks import ranks_of
from harness.analysis.shakeup import redraw_halves
from harness.board.ladder import shown_by_ladder
from harness.format import percent, points
from harness.lessons import features, open_cells, slide

cells = open_cells(Path("workspace"))
y, public = cells.hidden_labels()  # you are the organiser: the attacker gets scores, never these
CLASSES, n_public = len(cells.contest.class_names), int(public.sum())
print(f"{n_public} public images, {int((~public).sum())} private ones, {CLASSES} classes: chance is {1 / CLASSES:.1%}")

# %% [markdown]
# ## The attack
#
# Send random labels. Keep those submissions that scored above chance, and for each image take the label that most of
# them gave (A. Blum, M. Hardt, ICML 2015). The Ladder is a board that moves only for a gain above the noise, and
# shows the old score else.

# %%
SUBMISSIONS = 1000


def scores_of(labels, rows):
    return (labels[..., rows] == y[rows]).mean(axis=-1)


def vote(labels, told, chance=1 / CLASSES):
    """Return for each image the label that most of the submissions above chance gave."""
    kept = labels[told > chance]
    counts = (kept[:, :, None] == np.arange(CLASSES)).sum(axis=0) if len(kept) else np.zeros((len(y), CLASSES))
    return counts.argmax(axis=1)


rng = np.random.default_rng(5)
sent = rng.integers(CLASSES, size=(SUBMISSIONS, len(y)))
plain = scores_of(sent, public)
ladder = plain[shown_by_ladder(sent[:, public] == y[public])]  # what the board would have shown after each
counts = [10, 20, 50, 100, 200, 500, 1000]
attack = {"plain board": [], "private half": [], "board with the Ladder": []}
for k in counts:
    labels = vote(sent[:k], plain[:k])
    attack["plain board"].append(scores_of(labels, public))
    attack["private half"].append(scores_of(labels, ~public))
    starved = vote(sent[:k], ladder[:k])
    attack["board with the Ladder"].append(scores_of(starved, public))
expected = [1 / CLASSES + boosting_gain(k, n_public, CLASSES) for k in counts]
best = [1 / CLASSES + best_of_k_bias(k, n_public, 1 / CLASSES) for k in counts]

print(f"{'submissions':>12}" + "".join(f"{name:>24}" for name in (*attack, "expected", "best of k, no vote")))
for row, k in enumerate(counts):
    cells_of = [attack[name][row] for name in attack] + [expected[row], best[row]]
    print(f"{k:12}" + "".join(f"{percent(one, 1):>24}" for one in cells_of))

# %% [markdown]
# ## The shake-up
#
# Now put the attacker on a board with honest entries, some better, some worse, and close it: the public half ranked
# so far, the private one decides.

# %%
train, X_hidden = cells.load("train"), features(cells.hidden_images())
X_train, rng = features(train.images), np.random.default_rng(0)
names, said = [], []
for share in (0.05, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5):
    rows = rng.choice(len(X_train), int(share * len(X_train)), replace=False)
    names.append(f"honest, {len(rows)} images")
    said.append(RidgeClassifier(alpha=1.0).fit(X_train[rows], train.labels[rows]).predict(X_hidden))
names.append("random labels, voted")
said.append(vote(sent, plain))
right = np.array(said) == y
then, now = ranks_of(right[:, public].sum(axis=1)), ranks_of(right[:, ~public].sum(axis=1))
drawn = redraw_halves(right, y, float(public.mean()), np.random.default_rng(0)).ranks()
print(
    f"{'entry':24}{'public %':>9}{'rank':>6}{'private %':>11}{'rank':>6}{'  ranks had the halves fallen otherwise':>12}"
)
for row in np.argsort(then):
    shares = right[row, public].mean(), right[row, ~public].mean()
    print(f"{names[row]:24}{percent(shares[0], 1):>9}{then[row]:>6}{percent(shares[1], 1):>11}{now[row]:>6}"
          f"  {drawn[row, 0]} to {drawn[row, 1]}")  # fmt: skip
lost = right[-1, ~public].mean() - right[-1, public].mean()
print(f"The attack moved by {now[-1] - then[-1]} ranks and {points(lost)} points.")

# %% [markdown]
# ## The figure

# %%
figure, (left, right_side) = slide("Won in public with random labels, lost in private", 2)
for (name, found), colour in zip(attack.items(), ("#d55e00", "#0072b2", "#009e73"), strict=True):
    left.plot(counts, [100 * one for one in found], "o-", color=colour, lw=2.5, label=name)
left.plot(counts, [100 * one for one in expected], color="#d55e00", ls=":", label="what theory expects")
left.axhline(100 / CLASSES, color="0.5", lw=1)
left.set(xscale="log", xlabel="submissions", ylabel="accuracy of the vote, %", ylim=(0, None))
left.set_xticks(counts, counts)
left.minorticks_off()
left.legend(loc="upper left", fontsize=11)
for row, name in enumerate(names):
    guilty = row == len(names) - 1
    ends = [100 * right[row, half].mean() for half in (public, ~public)]
    right_side.plot([0, 1], ends, "o-", color="#d55e00" if guilty else "0.6", lw=4 if guilty else 2)
    if guilty:
        right_side.annotate(name, (0, ends[0]), (0.08, ends[0]), color="#d55e00", va="bottom")
right_side.set_xticks([0, 1], ["public half", "private half"])
right_side.set(xlim=(-0.1, 1.1), ylabel="accuracy, %", title="grey: honest entries")
figure.savefig("5-climb.png")

# %% [markdown]
# Nobody needs to mean it: a team that keeps what scored better, forty times, does a little of this by hand.
# `hemobench report` shows for each team how much of its best public score the number of submissions alone explains,
# and `ladder=true` is a rule of the contest.
#
# ## Exercise
#
# Win a public board blind. `score` takes an array of `n` labels from 0 to 7 and returns the public accuracy, 200
# times at most. Return labels that score 19 % or more; chance is 12.5 %. No image is needed.

# %%
import numpy as np

from harness.lessons import check


def attack(score, n, rng):
    """Return n labels whose public accuracy is well above chance."""
    raise NotImplementedError


check(5, attack)
