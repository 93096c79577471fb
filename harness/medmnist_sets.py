"""The sets of MedMNIST that give an image one label: classes, licence, and the hashes of what is published.

From ``medmnist/info.py`` of the package medmnist 3.0.2, whose authors publish the files (Zenodo record 10519652).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Size = Literal[28, 64, 128, 224]
PUBLISHED = "published file"  # in the provenance of a source: "yes" where it is the published one
SIZES: tuple[Size, ...] = get_args(Size)
ORGANS = (
    "bladder; femur-left; femur-right; heart; kidney-left; kidney-right; liver; lung-left; lung-right; pancreas; spleen"
)


@dataclass(frozen=True)
class MedmnistSet:
    """One set of MedMNIST.

    Attributes
    ----------
    name, title : str
        As its file is called, and as its authors write it.
    classes : str
        By label, with "; " between them.
    md5 : str
        Of the ``.npz`` with images of 28, 64, 128 and 224 pixels, a space between them.
    grey : bool
        Whether its arrays are (n, h, w), not (n, h, w, 3).
    origin : str
        Where its authors took the images from.
    licence : str
    """

    name: str
    title: str
    classes: str
    md5: str
    grey: bool = False
    origin: str = "the source that medmnist.com names"
    licence: str = "CC BY 4.0"

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self.classes.split("; "))

    @property
    def citation(self) -> str:
        return f"J. Yang et al., Sci. Data 10 (2023) 41; {self.origin}"

    def md5_of(self, size: Size) -> str:
        return self.md5.split()[SIZES.index(size)]

    def file_name(self, size: Size) -> str:
        """Return what the authors call the file.

        Examples
        --------
        >>> published("octmnist").file_name(28), published("octmnist").file_name(224)
        ('octmnist.npz', 'octmnist_224.npz')
        """
        return f"{self.name}.npz" if size == 28 else f"{self.name}_{size}.npz"


SETS = (
    MedmnistSet(
        "pathmnist",
        "PathMNIST",
        "adipose; background; debris; lymphocytes; mucus; smooth muscle; normal colon mucosa; "
        "cancer-associated stroma; colorectal adenocarcinoma epithelium",
        "a8b06965200029087d5bd730944a56c1 55aa9c1e0525abe5a6b9d8343a507616 "
        "ac42d08fb904d92c244187169d1fd1d9 2c51a510bcdc9cf8ddb2af93af1eadec",
        origin="NCT-CRC-HE-100K and CRC-VAL-HE-7K",
    ),
    MedmnistSet(
        "dermamnist",
        "DermaMNIST",
        "actinic keratoses and intraepithelial carcinoma; basal cell carcinoma; "
        "benign keratosis-like lesions; dermatofibroma; melanoma; melanocytic nevi; vascular lesions",
        "0744692d530f8e62ec473284d019b0c7 b70a2f5635c6199aeaa28c31d7202e1f "
        "2defd784463fa5243564e855ed717de1 8974907d8e169bef5f5b96bc506ae45d",
        licence="CC BY-NC 4.0",
        origin="HAM10000",
    ),
    MedmnistSet(
        "octmnist",
        "OCTMNIST",
        "choroidal neovascularization; diabetic macular edema; drusen; normal",
        "c68d92d5b585d8d81f7112f81e2d0842 e229e9440236b774d9f0dfef9d07bdaf "
        "0a97e76651ace45c5d943ee3f65b63ae abc493b6d529d5de7569faaef2773ba3",
        grey=True,
    ),
    MedmnistSet(
        "pneumoniamnist",
        "PneumoniaMNIST",
        "normal; pneumonia",
        "28209eda62fecd6e6a2d98b1501bb15f 8f4eceb4ccffa70c672198ea285246c6 "
        "05b46931834c231683c68f40c47b2971 d6a3c71de1b945ea11211b03746c1fe1",
        grey=True,
    ),
    MedmnistSet(
        "retinamnist",
        "RetinaMNIST",
        "grade 0; grade 1; grade 2; grade 3; grade 4",
        "bd4c0672f1bba3e3a89f0e4e876791e4 afda852cc34dcda56f86ad2b2457dbcc "
        "e48e916a24454daf90583d4e6efb1a18 eae7e3b6f3fcbda4ae613ebdcbe35348",
        origin="DeepDRiD",
    ),
    MedmnistSet(
        "breastmnist",
        "BreastMNIST",
        "malignant; normal or benign",
        "750601b1f35ba3300ea97c75c52ff8f6 742edef2a1fd1524b2efff4bd7ba9364 "
        "363e4b3f8d712e9b5de15470a2aaadf1 b56378a6eefa9fed602bb16d192d4c8b",
        grey=True,
    ),
    MedmnistSet(
        "bloodmnist",
        "BloodMNIST",
        "basophil; eosinophil; erythroblast; immature granulocyte; lymphocyte; monocyte; neutrophil; platelet",
        "7053d0359d879ad8a5505303e11de1dc 2b94928a2ae4916078ca51e05b6b800b "
        "adace1e0ed228fccda1f39692059dd4c b718ff6835fcbdb22ba9eacccd7b2601",
        origin="A. Acevedo et al., Data in Brief 30 (2020) 105474",
    ),
    MedmnistSet(
        "tissuemnist",
        "TissueMNIST",
        "Collecting Duct or Connecting Tubule; Distal Convoluted Tubule; Glomerular endothelial cells; "
        "Interstitial endothelial cells; Leukocytes; Podocytes; Proximal Tubule Segments; "
        "Thick Ascending Limb",
        "ebe78ee8b05294063de985d821c1c34b 123ece2eba09d0aa5d698fda57103344 "
        "61b955355d7425a89687b06cca3ce0c2 b077128c4a949f0a4eb01517f9037b9c",
        grey=True,
        origin="BBBC051 of the Broad Bioimage Benchmark Collection",
    ),
    MedmnistSet(
        "organamnist",
        "OrganAMNIST",
        ORGANS,
        "68e3f8846a6bd62f0c9bf841c0d9eacc 2dcccc29b88e6da5a01161ef20cda288 "
        "eeae80d0a227a8d099027e1b3cfd3b60 50747347e05c87dd3aaf92c49f9f3170",
        grey=True,
        origin="LiTS",
    ),
    MedmnistSet(
        "organcmnist",
        "OrganCMNIST",
        ORGANS,
        "b9ceb9546e10131b32923c5bbeaea2b1 3ce34a8724ea6f548e6db4744d03b6a9 "
        "773c1f009daa3fe5d9a2a201b2a7ed94 050f5e875dc056f6768abf94ec9995d1",
        grey=True,
        origin="LiTS",
    ),
    MedmnistSet(
        "organsmnist",
        "OrganSMNIST",
        ORGANS,
        "9ab87b696fb54e2a387ebe992d6ed5f1 53a6d115339d874c25e309a994ff46d3 "
        "ded0c5fa01a95dc4978b956f613e9b8e b354719e553fbbb2513d5533f52a4cb1",
        grey=True,
        origin="LiTS",
    ),
)
MEDMNIST = {one.name: one for one in SETS}
# What each set and size is called as a contest: pathmnist, pathmnist-64 and so on.
BY_CONTEST: dict[str, tuple[MedmnistSet, Size]] = {
    one.name if size == 28 else f"{one.name}-{size}": (one, size) for one in SETS for size in SIZES
}


SEVERAL_LABELS = {"chestmnist": "it gives an image any of 14 labels, and a contest has one label an image"}


def published(name: str) -> MedmnistSet:
    """Return a set of MedMNIST by the name of its file.

    Raises
    ------
    ValueError
        There is none, or it gives an image several labels.
    """
    if name in SEVERAL_LABELS:
        raise ValueError(f"{name} cannot be a contest: {SEVERAL_LABELS[name]}")
    if name not in MEDMNIST:
        raise ValueError(f"{name!r} is no set of MedMNIST, expected {', '.join(MEDMNIST)}")
    return MEDMNIST[name]


def of_file(md5: str) -> tuple[MedmnistSet, Size] | None:
    """Return the set and size of a published file by its MD5."""
    return next(((one, size) for one in SETS for size in SIZES if one.md5_of(size) == md5), None)
