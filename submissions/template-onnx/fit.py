"""Fit a ridge regression on 8 × 8 mean colours, and write it as an ONNX graph that takes raw images.

Your own network comes from its framework's exporter instead: torch.onnx.export, or Keras's model.export.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RIDGE = 1.0

train = np.load(Path(sys.argv[1]) / "train.npz")
images, labels = train["images"], train["labels"]
n, height, width, _ = images.shape
rows, columns = height // 8, width // 8
cut = images[:, : 8 * rows, : 8 * columns].reshape(n, 8, rows, 8, columns, 3)
features = cut.mean(axis=(2, 4), dtype=np.float32).transpose(0, 3, 1, 2).reshape(n, -1)  # channels first, as in ONNX

mean = features.mean(axis=0)
targets = np.eye(labels.max() + 1)[labels]
centred = (features - mean).astype(np.float64)
share = RIDGE * np.trace(centred.T @ centred) / centred.shape[1]
ridge = centred.T @ centred + share * np.eye(centred.shape[1])
weights = np.linalg.solve(ridge, centred.T @ (targets - targets.mean(axis=0)))
bias = targets.mean(axis=0) - mean @ weights

nodes = [
    helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
    helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
    helper.make_node("AveragePool", ["planes"], ["colours"], kernel_shape=[rows, columns], strides=[rows, columns]),
    helper.make_node("Flatten", ["colours"], ["features"]),
    helper.make_node("Gemm", ["features", "weights", "bias"], ["scores"]),
]
graph = helper.make_graph(
    nodes,
    "ridge",
    [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", height, width, 3])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", weights.shape[1]])],
    [numpy_helper.from_array(array.astype(np.float32), name) for name, array in (("weights", weights), ("bias", bias))],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.checker.check_model(model)
onnx.save(model, "model.onnx")
