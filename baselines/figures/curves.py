"""Figure 2: loss and accuracy over the epochs of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from baselines.figures.style import BLUE, INK, QUIET, SHADE, VERMILION, page, percent
from baselines.schedule import Epoch

SPIKE = 20  # times the median; a loss beyond it flattens all others on a linear axis


def curves(path: Path, history: Sequence[Epoch], title: str, best_epoch: int, head_epochs: int = 0) -> None:
    """Draw loss and accuracy side by side, on training and validation images.

    Parameters
    ----------
    history : sequence of Epoch, at least one
    best_epoch : int
        Number of the epoch whose weights were kept.
    head_epochs : int
        Epochs, from the first, in which only the new head learned; 0 where there was no such phase.

    Notes
    -----
    The axis of the loss is logarithmic, and says so, where one loss is more than 20 times the median.
    """
    epochs = np.array([row.epoch for row in history])
    best = next((row for row in history if row.epoch == best_epoch), None)
    note = ""
    if best is not None:
        note = (
            f"Best epoch {best.epoch} of {len(history)}: validation accuracy {percent(best.val_accuracy)}, "
            f"loss {best.val_loss:.3f}."
        )
    panels = (
        ("cross-entropy loss", [row.train_loss for row in history], [row.val_loss for row in history]),
        (
            "accuracy, %",
            [100 * row.train_accuracy for row in history],
            [100 * row.val_accuracy for row in history],
        ),
    )
    # Markers show the epochs while there is room for them; of a single epoch nothing else would be seen.
    every = max(1, len(history) // 20)
    with page(path, 9.4, 3.9, title, note) as figure:
        for axes, (name, train, val) in zip(figure.subplots(1, 2), panels, strict=True):
            if head_epochs:
                end = epochs[0] + head_epochs - 0.5
                axes.axvspan(epochs[0] - 0.5, end, color=SHADE, lw=0, label="only the head learns")
                axes.axvline(end, color=QUIET, lw=1, ls=(0, (6, 2)))
            axes.plot(epochs, train, color=BLUE, lw=1.8, marker="o", ms=4, markevery=every, label="training")
            axes.plot(
                epochs, val, color=VERMILION, lw=1.8, ls="--", marker="s", ms=4, markevery=every, label="validation"
            )
            if best is not None:
                value = val[history.index(best)]
                axes.axvline(best.epoch, color=INK, lw=1, ls=":")
                axes.plot(
                    best.epoch, value, ls="none", marker="o", ms=12, mfc="none", mec=INK, mew=1.6, zorder=3,
                    label="best epoch",
                )  # fmt: skip
            axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
            axes.locator_params(axis="x", integer=True, nbins=8, min_n_ticks=1)
            axes.set_xlabel("epoch")
            losses = np.array([train, val])
            if name.endswith("loss") and (losses > 0).all() and losses.max() > SPIKE * np.median(losses):
                axes.set_yscale("log")
                axes.yaxis.set_major_formatter("{x:g}")
                axes.yaxis.set_minor_formatter("")
                name += ", logarithmic"
            axes.set_title(name)
            axes.grid(axis="y")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower left", ncols=4)
