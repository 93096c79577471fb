"""Goal: run code while a pickle of weights is loaded.

A pickle is a program; this one calls os.system with the harness's number at hand.
"""

import pickle

from kit import Chance, facts, trial

FILES = {
    "weights.pkl": b"cposix\nsystem\n(S'cat $(cat target) > got; echo owned > $(dirname $(cat target))/owned'\ntR."
}
WITHOUT_ISOLATION = "a command of the shell with the user's rights"


class Attack(Chance):
    def __init__(self):
        with open("target", "w") as file:
            file.write(facts.canaries[0])
        with trial("load a pickle"):
            with open("weights.pkl", "rb") as file:
                pickle.load(file)
            print(open("got").read())


class Honest(Chance):
    """Loads a pickle of plain weights."""

    def __init__(self):
        with open("mine.pkl", "wb") as file:
            pickle.dump({"weights": [1, 2, 3]}, file)
        with open("mine.pkl", "rb") as file:
            assert pickle.load(file)["weights"] == [1, 2, 3]
