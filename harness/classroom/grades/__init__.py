"""Grades of a class: points by a stated rule, their arithmetic, and the files of the platforms that take them."""
