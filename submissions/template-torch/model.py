"""A PyTorch network in the runtime torch; fit.py trains it, network.py says what it is."""

import numpy as np
import torch
from network import as_input, make

BATCH = 256


class Model:
    def __init__(self):
        weights = torch.load("weights.pt", weights_only=True)
        self.network = make(len(list(weights.values())[-1]))
        self.network.load_state_dict(weights)
        self.network.eval()

    def predict(self, X):
        """Return one label for each image, X of shape (n, height, width, 3), uint8, 0-255, RGB."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X):
        """Return the probability of each class, shape (n, classes)."""
        with torch.inference_mode():
            batches = (as_input(np.array(X[start : start + BATCH])) for start in range(0, len(X), BATCH))
            return torch.cat([self.network(batch).softmax(dim=1) for batch in batches]).numpy()
