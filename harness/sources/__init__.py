"""Where images come from: one file per kind of source, each with its datasheet and its checks."""

from __future__ import annotations

from pathlib import Path

from harness.contest import An2dlSource, ArraysSource, Contest, EmbeddedSource, FolderSource, MedmnistSource
from harness.errors import SourceError
from harness.progress import Track, silent
from harness.sources.image_set import ImageSet

__all__ = ["ImageSet", "load_source"]


def load_source(
    contest: Contest, path: Path | None, *, cache: Path, leave_out_broken: bool = False, track: Track = silent
) -> ImageSet:
    """Return every image of the contest's source, as it lies there.

    Parameters
    ----------
    contest : Contest
    path : Path or None
        The file or folder that ``freeze --source`` named.  Needed for ``arrays`` and ``folder``, refused for
        ``embedded``; ``medmnist`` downloads its pinned file where there is none.
    cache : Path
        A folder that keeps downloads; made when it is needed.
    leave_out_broken : bool
        Whether images that cannot be decoded are left out; else they are an error.  Of folders alone.
    track : Track

    Raises
    ------
    SourceError
        The path is missing, superfluous or leads nowhere, or the source holds what the contest cannot use.
    """
    source, class_names, image_shape = contest.source, contest.class_names, contest.image_shape
    freeze = f"hemobench freeze --contest {contest.name}"
    if path is not None and not isinstance(source, EmbeddedSource) and not path.exists():
        raise SourceError(f"There is no {path}.", f"Look for a misspelt name, then type: {freeze} --source PATH")

    if leave_out_broken and not isinstance(source, FolderSource):
        raise SourceError(
            f"The images of the contest {contest.name} lie in no files of their own, so --leave-out-broken would have "
            "no effect.",
            f"Type: {freeze}",
        )

    # Late imports: each source brings its own heavy library, and a run needs one of them.
    match source:
        case EmbeddedSource():
            from harness.sources import embedded

            if path is not None:
                raise SourceError(
                    f"The contest {contest.name} generates its images, so --source {path} would have no effect.",
                    f"Type: {freeze}",
                )
            return embedded.load(source, class_names, image_shape, track=track)
        case ArraysSource() | An2dlSource():
            from harness.sources import arrays

            if path is None:
                raise SourceError(
                    f"The contest {contest.name} reads an .npz of images and labels, and no --source was given.",
                    f"Type: {freeze} --source PATH/FILE.npz",
                )
            return arrays.load(source, path, class_names, image_shape, group=contest.split.group or "", track=track)
        case MedmnistSource():
            from harness.sources import medmnist

            return medmnist.load(source, path, class_names, image_shape, cache=cache, track=track)
        case FolderSource():
            from harness.sources import folder

            if path is None:
                raise SourceError(
                    f"The contest {contest.name} reads a folder, zip or tar of images, or a table that lies beside "
                    "them, and no --source was given.",
                    f"Type: {freeze} --source PATH",
                )
            return folder.load(
                source,
                path,
                class_names,
                image_shape,
                drop=contest.cleaning.drop,
                group=contest.split.group or "",
                leave_out_broken=leave_out_broken,
                track=track,
            )
