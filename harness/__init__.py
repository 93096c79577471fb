"""Hemobench: a blood-cell classification contest that runs on one machine.

The folders read in the order of the flow: ``sources``, ``freeze``, (train,) ``pack``, ``sandbox``, ``score``,
``board``.  Each step reads the files of the step before it; `harness.api` lists the verbs in that order.
"""

__version__ = "0.1.0"
