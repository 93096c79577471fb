"""Goal: change the interpreter's own file, through /proc/self/exe.

Containers have been left this way: the file is the host's.
"""

import os

from kit import Chance, attempt

SPARED = "it would touch the interpreter of this machine"


class Attack(Chance):
    def __init__(self):
        with attempt("open the interpreter for writing"):
            os.close(os.open("/proc/self/exe", os.O_WRONLY | os.O_APPEND))
        with attempt("change its modes"):
            os.chmod("/proc/self/exe", os.stat("/proc/self/exe").st_mode)


class Honest(Chance):
    """Starts another interpreter."""

    def __init__(self):
        import subprocess
        import sys

        subprocess.run([sys.executable, "-S", "-c", ""], check=True)
