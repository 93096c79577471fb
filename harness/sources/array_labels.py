"""Labels of an array as positions in the contest's classes, and the class names that a file may hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import SourceError, did_you_mean
from harness.sources.layout import fold
from harness.sources.npz import Npz

# Arrays in which people keep the names of their classes.
NAMES = ("class_names", "classes", "label_names", "target_names", "class_labels", "categories", "names")
SHOWN = 5  # unknown words that one message names


def numbers_of(
    values: NDArray, what: str, n: int, class_names: Sequence[str], aliases: Mapping[str, str]
) -> NDArray[np.int64]:
    """Return labels as positions in `class_names`, shape (n,).

    Parameters
    ----------
    values : ndarray of shape (n,), (n, 1) or (n, classes)
        Positions; words or numbers that are classes or `aliases`; or one-hot rows.
    what : str
        The array's name, for people.
    n : int
        The number of images.
    class_names : sequence of str
    aliases : mapping of str to str
        From what stands in the file to a class name.

    Raises
    ------
    SourceError
        Another shape or type, a label that is no class, or a row with several classes.
    """
    if values.dtype.kind not in "buifUS":
        raise SourceError(
            f"{what} has dtype {values.dtype}, expected whole numbers or words.",
            "Name the array of the labels under [source] of the contest file: labels = ...",
        )
    if values.shape == (n, len(class_names)) and values.shape[1] > 1 and values.dtype.kind not in "US":
        return _of_rows(values, what)
    if values.shape not in ((n,), (n, 1)):
        raise SourceError(
            f"{what} has shape {values.shape}, expected ({n},) or ({n}, 1): one for each image; "
            f"or ({n}, {len(class_names)}): one-hot rows.",
            "Save as many labels as images, in the same order.",
        )
    values = values.reshape(-1)
    if values.dtype.kind in "US" or aliases:
        return _of_words(values, what, class_names, aliases)
    wrong = ~((values >= 0) & (values < len(class_names)) & (values == np.floor(values)))
    if wrong.any():
        at = int(wrong.argmax())
        hint = f"Number the classes from 0 in this order: {', '.join(class_names)}."
        if values.min() == 1 and values.max() == len(class_names):
            hint = f"They run from 1: save {what.split()[0]} - 1 instead. {hint}"
        raise SourceError(
            f"Label {at} of {what} is {values[at].item()}, "
            f"expected a whole number from 0 to {len(class_names) - 1}, or a class's name.",
            f'{hint} Or name them under [source.aliases] of the contest file: "{values[at].item()}" = "CLASS"',
        )
    return values.astype(np.int64)


def _of_rows(rows: NDArray, what: str) -> NDArray[np.int64]:
    ones = (rows == 1).sum(axis=1)
    wrong = (ones != 1) | ((rows != 0).sum(axis=1) != 1)
    if wrong.any():
        at = int(wrong.argmax())
        raise SourceError(
            f"Row {at} of {what} is {rows[at].tolist()}, expected one 1 and else 0: a contest gives an image one "
            "label, and has none for images of several classes or of shares.",
            f"Save {what.split()[0]}.argmax(axis=1) where the greatest is meant; leave out images of several classes.",
        )
    return rows.argmax(axis=1).astype(np.int64)


def _of_words(values: NDArray, what: str, class_names: Sequence[str], aliases: Mapping[str, str]) -> NDArray[np.int64]:
    label_of = labels_by_word(class_names, aliases)
    words, place = np.unique(values, return_inverse=True)
    texts = [text_of(word) for word in words]
    numbers = [label_of.get(fold(text)) for text in texts]
    if unknown := [text for text, number in zip(texts, numbers, strict=True) if number is None]:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise SourceError(
            f"{what} holds {', '.join(map(repr, unknown[:SHOWN]))}{more}, none of the contest's classes: "
            f"{', '.join(class_names)}.",
            f'Name it under [source.aliases] of the contest file: "{unknown[0]}" = "CLASS". '
            f"{did_you_mean(unknown[0].lower(), class_names)}",
        )
    return np.array(numbers, np.int64)[place.reshape(-1)]


def labels_by_word(class_names: Sequence[str], aliases: Mapping[str, str]) -> dict[str, int]:
    """Return the label of each word that means a class, as `fold` writes it."""
    label_of = {fold(name): label for label, name in enumerate(class_names)}
    return label_of | {fold(word): label_of[fold(name)] for word, name in aliases.items()}


def words_of(values: NDArray, what: str, n: int) -> list[str]:
    """Return words or numbers of shape (n,) or (n, 1) as texts.

    Raises
    ------
    SourceError
        Another shape or type.
    """
    if values.dtype.kind not in "buifUS" or values.shape not in ((n,), (n, 1)):
        raise SourceError(
            f"{what} has dtype {values.dtype} and shape {values.shape}, expected words or numbers, one for each of "
            f"{n} images.",
            "Save one for each image, in the same order.",
        )
    return [text_of(value) for value in values.reshape(-1)]


def text_of(value: object) -> str:
    """Return a label as a person writes it.

    Examples
    --------
    >>> text_of(np.bytes_(b"disc")), text_of(np.float64(3)), text_of(np.str_("a"))
    ('disc', '3', 'a')
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def check_names(
    npz: Npz, used: Collection[str], n: int, class_names: Sequence[str], aliases: Mapping[str, str], *, ordered: bool
) -> str | None:
    """Compare the classes that a file names with the contest's, and return the array that names them.

    Parameters
    ----------
    npz : Npz
    used : collection of str
        Arrays that hold images and labels.
    n : int
        The number of images.
    class_names : sequence of str
    aliases : mapping of str to str
    ordered : bool
        Labels are positions, so that the order counts.

    Raises
    ------
    SourceError
        The file names others, or in another order.
    """
    key = names_key(npz, used, n)
    if key is None:
        return None
    theirs = [text_of(name) for name in npz.whole(key)]
    label_of = labels_by_word(class_names, aliases)
    meant = [label_of.get(fold(name), -1) for name in theirs]
    same_set = sorted(meant) == list(range(len(class_names)))
    if same_set and (not ordered or meant == sorted(meant)):
        return key
    listed = ", ".join(f'"{name}"' for name in theirs)
    raise SourceError(
        f"{key} in {npz.path.name} names the classes {', '.join(theirs)}; the contest file names "
        f"{', '.join(class_names)}{', in another order' if same_set else ''}.",
        f"A label is a position in that list. Put into the contest file: class_names = [{listed}]",
    )


def names_key(npz: Npz, used: Collection[str], n: int) -> str | None:
    """Return the array in which a file of `n` images names its classes, if there is one; `n` names are of images."""
    for key in NAMES:
        if key in npz.keys and key not in used:
            header = npz.header(key)
            if len(header.shape) == 1 and header.shape != (n,) and header.dtype.kind in "US":
                return key
    return None
