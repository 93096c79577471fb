"""A measured share with its uncertainty: what every score is, on the card, in the ledger and on the board."""

from __future__ import annotations

import msgspec


class Estimate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A share measured on `n` images, with its 95 % interval, all 0 to 1; `n_groups` is 0 in a contest without."""

    value: float
    low: float
    high: float
    n: int
    n_groups: int = 0
