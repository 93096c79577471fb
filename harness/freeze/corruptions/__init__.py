"""Corruptions of images, by which the test sets are shifted: the same bytes on every machine.

Everything here is integer arithmetic, and weights and tables that need an exponential or a logarithm are computed with
`decimal`, which rounds correctly on every CPU, then made integers.  So no result hangs on the order of a sum, on the
width of a vector register or on the C library.  The one exception is JPEG, whose integer DCT libjpeg-turbo defines bit
by bit.  Lengths in pixels are stated for images 224 high, as in MedMNIST-C, and scaled to the image at hand.
"""

from harness.freeze.corruptions.corruption import Corruption
from harness.freeze.corruptions.hidden import HIDDEN
from harness.freeze.corruptions.public import PUBLIC

__all__ = ["HIDDEN", "PUBLIC", "Corruption"]
