"""A figure is a small PNG, the same bytes for the same data, and every word of it can be read."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from baselines.figures.ablation import intervals, scatter
from baselines.figures.augmented import augmented, gallery
from baselines.figures.callouts import place_names
from baselines.figures.confusion import RAMP, confusion, readable_ink
from baselines.figures.curves import curves
from baselines.figures.labels import label_distribution
from baselines.figures.mistakes import mistakes
from baselines.figures.style import page, tile, write
from baselines.schedule import Epoch

ROOT = Path(__file__).parent.parent.parent
EIGHT = ["basophil", "eosinophil", "erythroblast", "immature_granulocyte"]
EIGHT += ["lymphocyte", "monocyte", "neutrophil", "platelet"]
TWO = ["$healthy$", "acute_lymphoblastic_leukaemia"]
TWELVE = [f"class_{n}_of_a_contest_whose_author_wrote_sentences"[: 50 - 3 * n] for n in range(11)] + ["X" * 50]
LONG = "A title that goes on, as titles made of a contest, a model, its weights, its recipe and its seed will do " * 2


def history(n: int, spike: float = 0.0) -> list[Epoch]:
    rows = []
    for epoch in range(1, n + 1):
        loss = 2 * 0.8**epoch + 0.1 + spike * (epoch == 3)
        rows.append(Epoch(epoch, 0.1, loss - 0.05, 1 - loss / 4, loss, 0.98 - loss / 3 if loss < 2 else 0.1, 1.0))
    return rows


def matrix(k: int, n: int = 300) -> np.ndarray:
    rng = np.random.default_rng(k)
    return np.stack([rng.multinomial(n, np.where(np.arange(k) == row, 9.0, 1 / k) / 1e1) for row in range(k)])


def cells(n: int, size: int = 96) -> np.ndarray:
    """Discs on a slope of colour: as smooth as cells, and no image of anybody."""
    y, x = np.mgrid[:size, :size] / size
    images = np.zeros((n, size, size, 3))
    for number, image in enumerate(images):
        image[:] = (240, 220, 200) - 20 * x[..., None]
        disc = np.hypot(x - 0.5, y - 0.45) < 0.15 + 0.02 * (number % 10)
        image[disc] = (90, 50 + 3 * number % 60, 130) + 40 * y[disc][:, None]
    return images.astype(np.uint8)


def wrong_answers(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.integers(0, k, n), rng.dirichlet(np.full(k, 0.2), n).astype(np.float32)


def rows(n: int) -> list[tuple[str, float, float, float]]:
    names = ["MobileNet", "VGG16, ImageNet weights, all layers train, cosine", "scratch-v2"]
    return [(f"{names[i % 3]}, seed {i}", 97 - i / 3, 95.9 - i / 3, 97.9 - i / 3) for i in range(n)]


def some_points(n: int) -> list[tuple[str, float, float]]:
    rng = np.random.default_rng(n)
    places = 97 - rng.exponential(1.5, (n, 2))
    return [(f"entry {i}" * (1 + i % 3), float(x), float(y)) for i, (x, y) in enumerate(places)]


COUNTS = dict(zip(EIGHT, (782, 1990, 1020, 1884, 787, 932, 2170, 1562), strict=True))
CASES: dict[str, Callable[[Path], None]] = {
    "labels": lambda p: label_distribution(p, EIGHT, COUNTS, {k: v * 9 // 10 for k, v in COUNTS.items()}, "Labels"),
    "labels-2-one-empty": lambda p: label_distribution(p, TWO, {TWO[0]: 3}, {TWO[0]: 4}, "Labels"),
    "labels-none": lambda p: label_distribution(p, TWO, {}, {}, "Labels"),
    "labels-12": lambda p: label_distribution(
        p, TWELVE, dict.fromkeys(TWELVE, 1234567), dict.fromkeys(TWELVE, 1000000), LONG
    ),
    "curves": lambda p: curves(p, history(30), "MobileNet", 28, head_epochs=5),
    "curves-1": lambda p: curves(p, history(1), LONG, 1),
    "curves-all-head": lambda p: curves(p, history(2), "Head", 2, head_epochs=5),
    "curves-spike": lambda p: curves(p, history(120, spike=1e4), "Spike", 100),
    "confusion": lambda p: confusion(p, matrix(8), EIGHT, "MobileNet"),
    "confusion-2-empty-class": lambda p: confusion(p, np.array([[9, 1], [0, 0]]), TWO, "Two"),
    "confusion-12": lambda p: confusion(p, matrix(12, 123456), TWELVE, LONG),
    "confusion-none": lambda p: confusion(p, np.zeros((2, 2), np.int64), TWO, "None"),
    "augmented": lambda p: augmented(p, cells(8), np.stack([cells(8)] * 4) * 1.1, "Strong", "Five draws."),
    "augmented-1": lambda p: augmented(p, cells(1), np.zeros((0, 1, 96, 96, 3)), LONG, LONG),
    "gallery": lambda p: gallery(p, [(name, cells(6)) for name in TWELVE], "Augmentations"),
    "gallery-sizes": lambda p: gallery(p, [("small", cells(3, 28)), ("large", cells(5, 224))], "Sizes"),
    "mistakes": lambda p: mistakes(p, cells(60), *wrong_answers(60, 8), EIGHT, "Mistakes"),
    "mistakes-12": lambda p: mistakes(p, cells(9), *wrong_answers(9, 12), TWELVE, LONG),
    "mistakes-none": lambda p: mistakes(p, cells(8), np.arange(8), np.eye(8, dtype=np.float32), EIGHT, "Mistakes"),
    "intervals": lambda p: intervals(p, rows(25), "Ablation", "accuracy, %", {r[0]: r[1] for r in rows(9)}),
    "intervals-1": lambda p: intervals(p, [(TWELVE[0], 100.0, 96.3, 100.0)], LONG, "accuracy, %"),
    "scatter": lambda p: scatter(p, some_points(14), "Hidden accuracy", "reported, %", "measured, %"),
    "scatter-1": lambda p: scatter(p, [(LONG[:60], 95.0, 95.0)], LONG, "reported, %", "measured, %"),
}

DRAWN_AGAIN = ("labels", "curves", "confusion", "augmented", "gallery", "mistakes", "scatter")


@dataclass
class Drawing:
    """A figure's file, and where each of its texts came to stand: its words, their box and their angle."""

    png: bytes = b""
    size: tuple[float, float] = (0.0, 0.0)
    texts: list[tuple[str, tuple[float, float, float, float], float]] = field(default_factory=list)

    @property
    def words(self) -> str:
        return " ".join(text.replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ") for text, _, _ in self.texts)

    def cut(self) -> list[str]:
        """Texts that do not lie in the figure as a whole."""
        width, height = self.size
        return [text for text, (x0, y0, x1, y1), _ in self.texts if x0 < 0 or y0 < 0 or x1 > width or y1 > height]

    def overlapping(self) -> list[tuple[str, str]]:
        """Pairs of level texts that share more than the pixel of rounding; the box of a tilted one is vast."""
        level = [(text, box) for text, box, angle in self.texts if angle % 90 == 0]
        return [
            (one, other)
            for place, (one, a) in enumerate(level)
            for other, b in level[:place]
            if min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1
        ]


def watch(draw: Callable[[Path], None], path: Path) -> Drawing:
    """Draw, and note each text that is really drawn: a tick beyond the end of its axis is not."""
    drawing = Drawing()
    draw_text, draw_canvas = Text.draw, FigureCanvasAgg.draw

    def note(text: Text, renderer: object) -> None:
        draw_text(text, renderer)
        if text.get_visible() and text.get_text().strip():
            box = tuple(map(float, text.get_window_extent().extents))
            drawing.texts.append((text.get_text(), box, text.get_rotation()))

    def begin(canvas: FigureCanvasAgg) -> None:
        drawing.texts.clear()  # of draws that only measured
        drawing.size = (canvas.figure.bbox.width, canvas.figure.bbox.height)
        draw_canvas(canvas)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", note)
        patch.setattr(FigureCanvasAgg, "draw", begin)
        draw(path)
    drawing.png = path.read_bytes()
    return drawing


@pytest.mark.parametrize("case", CASES)
def test_a_figure_is_a_small_png_with_paper_all_around_and_each_word_can_be_read(case, tmp_path):
    drawing = watch(CASES[case], tmp_path / "once.png")
    assert len(drawing.png) < 150_000
    with Image.open(io.BytesIO(drawing.png)) as image:
        assert image.format == "PNG"
        assert not image.info.keys() - {"transparency"}
        pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    assert 500 <= width <= 1800
    assert 60 <= height <= 2200
    rim = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel(), pixels[:, -3:].ravel()])
    assert (rim == 255).all()
    assert drawing.texts
    assert not drawing.cut()
    assert not drawing.overlapping()
    if case in DRAWN_AGAIN:
        CASES[case](tmp_path / "again.png")
        assert (tmp_path / "again.png").read_bytes() == drawing.png


@pytest.mark.parametrize(("x", "cut"), [(4.5, True), (-0.1, True), (2.0, False)])
def test_a_word_beyond_the_rim_would_be_found(x, cut, tmp_path):
    def draw(path: Path) -> None:
        with page(path, 5, 1, "Title") as figure:
            write(figure, x, 0.5, "a long word")

    assert watch(draw, tmp_path / "cut.png").cut() == ["a long word"] * cut


@pytest.mark.parametrize(("y", "over"), [(0.5, True), (0.9, False)])
def test_a_word_on_another_would_be_found(y, over, tmp_path):
    def draw(path: Path) -> None:
        with page(path, 5, 1, "Title") as figure:
            write(figure, 1, 0.5, "one")
            write(figure, 1.1, y, "other")

    assert watch(draw, tmp_path / "over.png").overlapping() == [("other", "one")] * over


def test_the_label_figure_tells_what_was_removed_and_what_was_added(tmp_path):
    before, after = {"a": 1200, "b": 7}, {"a": 1100, "b": 9}
    words = watch(lambda p: label_distribution(p, "ab", before, after, "T"), tmp_path / "x.png").words
    assert "1,207 images before cleaning, 1,109 after." in words
    assert " 100 added 2 " in words


def test_the_best_epoch_is_named_and_the_head_phase_only_where_there_was_one(tmp_path):
    plain = watch(lambda p: curves(p, history(9), "T", 7), tmp_path / "x.png").words
    assert f"Best epoch 7 of 9: validation accuracy {100 * history(9)[6].val_accuracy:.1f} %" in plain
    assert "head" not in plain
    assert "head" in watch(lambda p: curves(p, history(9), "T", 7, 2), tmp_path / "y.png").words


@pytest.mark.parametrize(("spike", "logarithmic"), [(0.0, False), (1e3, True)])
def test_only_a_loss_far_from_the_others_makes_the_axis_logarithmic(tmp_path, spike, logarithmic):
    words = watch(lambda p: curves(p, history(9, spike), "T", 7), tmp_path / "x.png").words
    assert ("logarithmic" in words) == logarithmic


def test_the_confusion_figure_tells_n_accuracy_interval_and_recall(tmp_path):
    drawing = watch(lambda p: confusion(p, np.array([[50, 0], [10, 40]]), ["a", "b"], "T"), tmp_path / "x.png")
    assert "n = 100 images, accuracy 90.0 % (95 % interval 82.6 % to 94.5 %)" in drawing.words
    assert "80.0 % of 50" in drawing.words
    assert "10 20.0 %" in drawing.words


def test_the_surest_mistake_comes_first_and_what_is_right_not_at_all(tmp_path):
    y_prob = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.99, 0.01]], np.float32)
    labels = np.array([1, 0, 0, 0])
    words = watch(lambda p: mistakes(p, cells(4), labels, y_prob, ["aa", "bb"], "T", most=2), tmp_path / "x.png").words
    assert "3 of 4 images are wrong; the 2 surest of them" in words
    assert words.index("bb, 90.0 %") < words.index("bb, 70.0 %")
    assert "60.0 %" not in words
    assert "99.0 %" not in words


def test_without_mistakes_a_sentence_says_so(tmp_path):
    assert "No mistakes in 8 images." in watch(CASES["mistakes-none"], tmp_path / "x.png").words


def test_a_reported_value_is_drawn_beside_its_row_only(tmp_path):
    row = ("mine", 90.0, 88.0, 92.0)
    with_it = watch(lambda p: intervals(p, [row], "T", "x", {"mine": 91.5, "other": 70.0}), tmp_path / "x.png").words
    assert "91.5 %" in with_it
    assert "70.0 %" not in with_it
    assert "reported" not in watch(lambda p: intervals(p, [row], "T", "x"), tmp_path / "y.png").words


def test_names_of_crowded_points_cover_neither_each_other_nor_a_point():
    rng = np.random.default_rng(7)
    frame = (0.0, 0.0, 400.0, 400.0)
    dots = [tuple(map(float, dot)) for dot in rng.normal((300, 300), 25, (14, 2))]
    boxes = place_names(dots, [(60.0, 12.0)] * 14, frame, ((0, 0), (400, 400)))
    for place, (x0, y0, x1, y1) in enumerate(boxes):
        assert x0 >= 0 and y0 >= 0 and x1 <= 400 and y1 <= 400
        assert not any(x0 < x < x1 and y0 < y < y1 for x, y in dots)
        assert not any(x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1 for b in boxes[:place])


def test_numbers_stand_out_on_every_shade():
    from matplotlib.colors import LinearSegmentedColormap

    def luminance(colour) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    shades = [LinearSegmentedColormap.from_list("ramp", RAMP)(x)[:3] for x in np.linspace(0, 1, 101)]
    for shade in shades:
        dark, light = sorted([luminance(shade), 0.0 if readable_ink(shade) == "black" else 1.0])
        assert (light + 0.05) / (dark + 0.05) >= 4.5
    greys = [luminance(shade) for shade in shades]
    assert greys == sorted(greys, reverse=True)  # without colours the order of the shades stays


def test_a_small_image_is_enlarged_by_whole_pixels_and_a_large_one_fits():
    assert (tile(cells(1, 28)[0], 96)[::3, ::3] == cells(1, 28)[0]).all()
    assert tile(cells(1, 224)[0], 96).shape == (96, 96, 3)
    assert tile(np.full((4, 8, 3), 300.6), 8).max() == 255


def test_drawing_leaves_no_setting_behind(tmp_path):
    before = dict(matplotlib.rcParams)
    CASES["curves"](tmp_path / "x.png")
    assert dict(matplotlib.rcParams) == before


def test_importing_loads_no_matplotlib_and_the_machines_settings_change_nothing(tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 31\nfigure.dpi: 20\ntext.hinting: none\naxes.grid: True\n")
    code = """
import sys
from baselines.figures import ablation, augmented, confusion, curves, labels, mistakes
assert "matplotlib" not in sys.modules
names = ["basophil", "immature_granulocyte"]
for name in sys.argv[1:]:
    labels.label_distribution(__import__("pathlib").Path(name), names, {names[0]: 9}, {names[0]: 8}, "Title " * 30)
assert "matplotlib.pyplot" not in sys.modules
"""
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, tmp_path / "x.png"], check=True, cwd=ROOT, env=environment
    )
    names = ["basophil", "immature_granulocyte"]
    label_distribution(tmp_path / "y.png", names, {names[0]: 9}, {names[0]: 8}, "Title " * 30)
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()
