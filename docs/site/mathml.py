"""Formulas as MathML, which browsers draw themselves: no script, and none from another site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils.nodes import math, math_block
    from sphinx.application import Sphinx


def _written(node: math | math_block, *, block: bool) -> str:
    from docutils.utils.math.latex2mathml import tex2mathml

    return tex2mathml(node.astext(), as_block=block)


def _inline(self: Any, node: math) -> None:
    from docutils.nodes import SkipNode

    self.body.append(_written(node, block=False))
    raise SkipNode


def _display(self: Any, node: math_block) -> None:
    from docutils.nodes import SkipNode

    self.body.append(f'<div class="math">{_written(node, block=True)}</div>')
    raise SkipNode


def setup(app: Sphinx) -> None:
    """Make this the renderer of the name ``mathml``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
