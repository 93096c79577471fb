"""Lessons: notebooks that test a claim on the reader's own machine, each with an exercise that is checked.

Their text is ``docs/lessons``, one script of cells each; here is what they call, and what checks their exercises.
"""

from harness.lessons.cells import features as features
from harness.lessons.cells import open_cells as open_cells
from harness.lessons.course import champion_steps as champion_steps
from harness.lessons.course import check as check
from harness.lessons.figure import slide as slide
