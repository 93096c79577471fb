"""Wrong answers to the exercises, by lesson and by what the explanation must say."""

WRONG = {
    ("leak", "a copy of it"): """
def split(groups, share, rng):
    return rng.random(len(groups)) < share
""",
    ("leak", "no image that has a copy"): """
def split(groups, share, rng):
    names, sizes = np.unique(groups, return_counts=True)
    return np.isin(groups, rng.permutation(names[sizes == 1])[: int(share * len(groups))])
""",
    ("leak", "% are in validation"): """
def split(groups, share, rng):
    return np.zeros(len(groups), bool)
""",
    ("leak", "nobody can repeat"): """
def split(groups, share, rng):
    return np.isin(groups, np.random.permutation(np.unique(groups))[: int(share * len(np.unique(groups)))])
""",
}
