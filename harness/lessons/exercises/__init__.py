"""What checks the exercise of each lesson, a file a lesson: `check(answer)` raises `Wrong` where it is not right."""
