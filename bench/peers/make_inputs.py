# SPDX-License-Identifier: Apache-2.0
"""make_inputs.py MODEL OUT.npy LEAST MOST: some samples of noise with the shape of a model's input."""
import sys

import numpy as np
import onnx

SAMPLES = 4

model, out, least, most = sys.argv[1:]
_, *shape = (axis.dim_value for axis in onnx.load(model).graph.input[0].type.tensor_type.shape.dim)
np.save(out, np.random.default_rng(0).uniform(float(least), float(most), (SAMPLES, *shape)).astype(np.float32))
