"""One look for the lessons' figures: large enough for a slide, in colours that everybody tells apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# M. Okabe, K. Ito, "Color universal design" (2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def slide(title: str, n_axes: int = 1, *, height: float = 6, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """Return an empty figure as wide as a slide and `height` inches high, and its axes from left to right."""
    import matplotlib.pyplot as plt

    style: dict[Any, Any] = {
        "font.size": 13,
        "axes.prop_cycle": plt.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "savefig.dpi": 160,
    }
    plt.rcParams.update(style)
    figure, axes = plt.subplots(1, n_axes, figsize=(11, height), layout="constrained", squeeze=False, sharey=sharey)
    figure.suptitle(title, fontsize=18, fontweight="bold", x=0.01, ha="left")
    return figure, list(axes[0])
