"""The rules of the linter, by the part of the bundle that they look at; importing the package registers all."""

from harness.platforms.codabench.rules import layout, leaderboards, phases, programs, solutions, tasks, top

__all__ = ["layout", "leaderboards", "phases", "programs", "solutions", "tasks", "top"]
