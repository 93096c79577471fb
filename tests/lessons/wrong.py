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
    ("door", "every image is black"): """
def door(images, kind):
    return images.astype(np.float32) / 255
""",
    ("door", "Divide by 255 first"): """
def door(images, kind):
    X = images.astype(np.float32)
    if kind == "torch":
        return ((X - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).astype(np.float32)
    return X / 127.5 - 1 if kind == "tf" else X
""",
    ("door", "red and blue"): """
def door(images, kind):
    X = images.astype(np.float32)
    if kind == "torch":
        return ((X / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).astype(np.float32)
    if kind == "caffe":
        return (X - [123.68, 116.779, 103.939]).astype(np.float32)
    return X / 127.5 - 1 if kind == "tf" else X
""",
    ("gap", "validation has not seen the shift"): """
def predict_hidden(val, val_shifted, earlier):
    return val - 0.05, val + 0.05
""",
    ("gap", "the images alone"): """
def predict_hidden(val, val_shifted, earlier):
    half = 2 * np.sqrt(val_shifted * (1 - val_shifted) / 400)
    return val_shifted - half, val_shifted + half
""",
    ("gap", "says nothing"): """
def predict_hidden(val, val_shifted, earlier):
    return 0.0, 1.0
""",
    ("better", "always somebody's"): """
def verdict(a, b):
    return "a" if a.mean() > b.mean() else "b"
""",
    ("better", "independent answers"): """
def verdict(a, b):
    gained, lost = (a & ~b).sum(), (b & ~a).sum()
    z = (gained - lost) / np.sqrt(gained + lost)
    return "unclear" if abs(z) < 2 else "a" if z > 0 else "b"
""",
    ("better", "it finds that in"): """
def verdict(a, b):
    return "unclear"
""",
    ("climb", "root of a logarithm"): """
def attack(score, n, rng):
    sent = rng.integers(8, size=(200, n))
    return max(sent, key=score)
""",
    ("climb", "that is chance"): """
def attack(score, n, rng):
    sent = rng.integers(8, size=(200, n))
    return (sent[:, :, None] == np.arange(8)).sum(axis=0).argmax(axis=1)
""",
    ("climb", "the quota is used up"): """
def attack(score, n, rng):
    labels = np.zeros(n, int)
    for image in range(n):
        labels[image] = max(range(8), key=lambda one: score(np.where(np.arange(n) == image, one, labels)))
    return labels
""",
    ("stays", "made again tomorrow"): """
def pack(files):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in sorted(files):
            archive.writestr(name, files[name])
    return whole.getvalue()
""",
    ("stays", "another order"): """
def pack(files):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return whole.getvalue()
""",
    ("stays", "are no zip"): """
def pack(files):
    whole = io.BytesIO()
    archive = zipfile.ZipFile(whole, "w")
    for name in sorted(files):
        archive.writestr(zipfile.ZipInfo(name), files[name])
    made = whole.getvalue()
    archive.close()
    return made
""",
    ("unseen", "no longer of the class"): """
def augment(image, rng):
    return np.rot90(image, rng.integers(4)).copy()
""",
    ("unseen", "wraps around"): """
def augment(image, rng):
    return (image * rng.uniform(0.5, 2)).astype(np.int64).astype(np.uint8)
""",
    ("unseen", "nearly the same light"): """
def augment(image, rng):
    return np.clip(image + rng.normal(0, 5, image.shape), 0, 255).astype(np.uint8)
""",
}
