"""Train a small convolutional network on the training images, turned over at random."""

import sys
from pathlib import Path

import numpy as np
import torch
from network import as_input, make
from torch.nn.functional import cross_entropy

EPOCHS, BATCH, RATE = 10, 64, 3e-3

train = np.load(Path(sys.argv[1]) / "train.npz")
images, labels = train["images"], torch.from_numpy(train["labels"])
rng = np.random.default_rng(1)  # the seed of entry.toml
torch.manual_seed(1)
network = make(int(labels.max()) + 1)
optimizer = torch.optim.AdamW(network.parameters(), lr=RATE)
steps = EPOCHS * -(-len(images) // BATCH)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
for epoch in range(EPOCHS):
    order, lost = rng.permutation(len(images)), 0.0
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = images[rows]
        if rng.random() < 0.5:
            batch = batch[:, ::-1]
        if rng.random() < 0.5:
            batch = batch[:, :, ::-1]
        loss = cross_entropy(network(as_input(batch.copy())), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        lost += loss.item() * len(rows)
    print(f"epoch {epoch + 1} of {EPOCHS}: loss {lost / len(images):.3f}", flush=True)
torch.save(network.state_dict(), "weights.pt")
