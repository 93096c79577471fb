"""Property-based tests on everything that reads what others wrote: no traceback, no hang, nothing left behind.

``HEMOBENCH_FUZZ`` is the number of cases of all targets together: 400 by default, always the same ones; with any
other number (``make fuzz``: 10,000) they are drawn anew each time, and a failure prints how to repeat it.
"""
