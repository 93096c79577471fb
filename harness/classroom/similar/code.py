"""Whether two entries' code is nearly the same: fingerprints of its tokens that survive other names and comments.

References
----------
S. Schleimer, D. S. Wilkerson, A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003, 76-85:
of each `WINDOW` of consecutive k-grams the least hash is kept, so that a passage of `WINDOW` + `K` - 1 tokens that two
texts share is always found.  As in Moss, their program, what many hand in is common and no evidence.
"""

from __future__ import annotations

import hashlib
import io
import keyword
import tokenize
from collections.abc import Collection, Iterable, Iterator

import msgspec

K = 12  # tokens in a k-gram
WINDOW = 8
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}


class Overlap(msgspec.Struct, frozen=True):
    """Fingerprints of two entries' code, common ones left out: of each, and how many they share."""

    one: int
    other: int
    both: int

    @property
    def share(self) -> float:
        """Of the shorter one's fingerprints, those that the other has, 0 to 1."""
        return self.both / max(1, min(self.one, self.other))


def overlap(one: Collection[int], other: Collection[int], common: Collection[int] = ()) -> Overlap:
    """Return how much of two entries' code is the same."""
    mine, theirs = set(one) - set(common), set(other) - set(common)
    return Overlap(len(mine), len(theirs), len(mine & theirs))


def fingerprints(sources: Iterable[str]) -> list[int]:
    """Return the fingerprints of some files of Python, in order, each once.

    Examples
    --------
    >>> one = "def f(x):\\n    # adds\\n    y = np.add(x, 1)\\n    return y.astype(int) * 2\\n"
    >>> other = "def g(z): k=np.add(z,7); return k.astype(int)*3"
    >>> overlap(fingerprints([one]), fingerprints([other])).share > 0.5
    True
    """
    found: set[int] = set()
    for source in sources:
        words = list(_words(source))
        grams = [_hash(words[at : at + K]) for at in range(len(words) - K + 1)]
        for at in range(max(1, len(grams) - WINDOW + 1) if grams else 0):
            found.add(min(grams[at : at + WINDOW]))
    return sorted(found)


def _words(source: str) -> Iterator[str]:
    """Yield the tokens of a file as far as it can be read: names, numbers and strings by what they are.

    Keywords, operators and what is named after a dot, as functions of a library are, stand as they are.
    """
    before, statement = "", True
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in SKIPPED or not token.string or (statement and token.type == tokenize.STRING):
                statement = statement or token.type == tokenize.NEWLINE
                continue
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                yield token.string if before == "." else "name"
            elif token.type in (tokenize.NUMBER, tokenize.STRING):
                yield "value"
            elif token.string != ";":
                yield token.string
            before, statement = token.string, False
    except (tokenize.TokenError, SyntaxError):
        return  # what came before counts


def _hash(words: list[str]) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(words).encode("utf-8", "replace"), digest_size=6).digest(), "big")
