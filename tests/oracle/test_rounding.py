# SPDX-License-Identifier: Apache-2.0
"""How weights are rounded: what it is worth on inputs not seen, measured in ONNX Runtime, and what it may not depend on."""
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

SEEDS = [2, *range(10, 15)]  # of calibration inputs
METHODS = ["nearest", "gptq", "descent", "least-squares"]
SIZE = 16
BITS = 4


def constant(name, array):
    return numpy_helper.from_array(array.astype(np.float32), name)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Every kind of product one behind the other, between products that make and read their values."""
    random = np.random.default_rng(1)
    weights = {
        "first": (12, 8, 3, 3), "depthwise": (12, 1, 3, 3), "grouped": (16, 6, 1, 1), "dense": (16, 16, 3, 3), "gemm": (24, 16), "matmul": (24, 20), "last": (10, 20)}
    constants, nodes, value = [], [], "x"
    for name, shape in weights.items():
        fan_in = shape[0] if name == "matmul" else int(np.prod(shape[1:]))
        constants.append(constant(f"{name}_w", random.normal(size=shape) / np.sqrt(fan_in)))
        if name == "gemm":
            nodes += [helper.make_node("GlobalAveragePool", [value], ["pooled"]), helper.make_node("Flatten", ["pooled"], ["flat"])]
            value = "flat"
        if name == "matmul":
            nodes.append(helper.make_node("MatMul", [value, f"{name}_w"], [f"{name}_y"], name=name))
        else:
            constants.append(constant(f"{name}_b", random.normal(size=shape[0]) / 4))
            inputs = [value, f"{name}_w", f"{name}_b"]
            if len(shape) == 4:
                group = {"depthwise": 12, "grouped": 2}.get(name, 1)
                nodes.append(helper.make_node("Conv", inputs, [f"{name}_y"], name=name, group=group, pads=[shape[2] // 2] * 4))
            else:
                nodes.append(helper.make_node("Gemm", inputs, [f"{name}_y"], name=name, transB=1))
        value = f"{name}_y"
        if name not in ("last", "matmul"):
            nodes.append(helper.make_node("Relu", [value], [f"{name}_relu"]))
            value = f"{name}_relu"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, SIZE, SIZE])
    y = helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, 10])
    path = tmp_path_factory.mktemp("rounding") / "network.onnx"
    model = helper.make_model(helper.make_graph(nodes, "products", [x], [y], constants), opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def smooth_inputs(seed, count):
    """Noise whose neighbours, and channels, are alike, as in photos."""
    noise = np.random.default_rng(seed).normal(size=(count, 8, SIZE, SIZE))
    for axis in (2, 3):
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, 2, axis)
    return (noise + 2 * noise.mean(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def recipe_of(network):
    """A recipe that calibrates on inputs drawn from the seed."""
    def make(seed):
        np.save(network.parent / f"x{seed}.npy", smooth_inputs(seed, 48))
        path = network.parent / f"recipe{seed}.toml"
        path.write_text(f'[model]\npath = "network.onnx"\n[task]\ntype = "none"\n[calibration]\nimages = ["x{seed}.npy"]\n'
                        f'[quantize]\nweights = {BITS}\n[[quantize.layer]]\nmatch = "*"\nweights = {BITS}\n')
        return path

    return make


@pytest.fixture(scope="module")
def recipe(recipe_of):
    return recipe_of(2)


@pytest.fixture(scope="module")
def quantized(halftone, recipe_of):
    made = {}

    def make(*flags, seed=2):
        if (flags, seed) not in made:
            recipe = recipe_of(seed)
            path = recipe.parent / f"{len(made)}.onnx"
            halftone("quantize", recipe, "-o", path, *flags)
            made[flags, seed] = path
        return made[flags, seed]

    return make


def run(path, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": x[None]})[0] for x in inputs]).astype(np.float64)


def test_each_method_does_better_on_inputs_not_seen(network, quantized):
    """In the mean over calibrations, of which each moves the figures by half a decibel."""
    fresh = smooth_inputs(3, 64)
    exact = run(network, fresh)
    energy = np.square(exact - exact.mean(axis=0)).sum()
    ratios = {method: np.mean([10 * np.log10(energy / np.square(run(quantized("--rounding", method, seed=seed), fresh) - exact).sum()) for seed in SEEDS])
              for method in METHODS}
    print(ratios)
    assert ratios["gptq"] > ratios["nearest"] + 1
    assert ratios["descent"] > ratios["gptq"]
    assert ratios["least-squares"] > ratios["descent"]


@pytest.mark.parametrize("bits, photos, method", [(8, 48, "gptq"), (8, 63, "gptq"), (8, 64, "least-squares"), (4, 48, "least-squares")])
def test_the_default_has_all_methods_where_photos_are_enough_or_bits_few(bits, photos, method, network, halftone, tmp_path):
    np.save(tmp_path / "x.npy", smooth_inputs(2, photos))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[model]\npath = "{network}"\n[task]\ntype = "none"\n[calibration]\nimages = ["x.npy"]\n[quantize]\nweights = {bits}\n')
    for name, flags in (("default", ()), *((name, ("--rounding", name)) for name in METHODS)):
        halftone("quantize", recipe, "-o", tmp_path / f"{name}.onnx", *flags)
    weights = {name: [tensor.raw_data for tensor in onnx.load(tmp_path / f"{name}.onnx").graph.initializer] for name in ("default", *METHODS)}
    assert [name for name in METHODS if weights[name] == weights["default"]][-1] == method  # with 8 bits least squares may have nothing to move


def integers_of(path):
    """{product: its integer weights}, by the names of the float network's constants."""
    return {tensor.name: numpy_helper.to_array(tensor).astype(np.int64) for tensor in onnx.load(path).graph.initializer
            if tensor.data_type == TensorProto.INT4 and "_w" in tensor.name and len(tensor.dims) > 1}


def test_products_of_every_kind_are_rounded_by_what_they_read(quantized):
    nearest, chosen = (integers_of(quantized("--target", "cortex-m", "--rounding", method)) for method in ("nearest", "descent"))
    assert len(nearest) == 7 and nearest.keys() == chosen.keys()
    for name, integers in chosen.items():
        assert abs(integers).max() <= 7, name
        assert (integers != nearest[name]).any(), name


@pytest.mark.parametrize("method", METHODS[1:])
def test_the_means_of_outputs_are_nearly_the_float_networks(method, network, quantized):
    """Biases take up what rounding the weights adds: at the output, what is left of the mean error is small beside what the outputs vary by."""
    path = quantized("--target", "cortex-m", "--rounding", method)
    seen = np.load(network.parent / "x2.npy")
    exact = run(network, seen)
    error = run(path, seen) - exact
    print(abs(error.mean(axis=0)) / exact.std(axis=0))
    assert (abs(error.mean(axis=0)) < 0.1 * exact.std(axis=0)).all()


@pytest.mark.parametrize("method", METHODS)
def test_biases_are_kept_where_they_may_not_be_corrected(method, network, quantized):
    """As near as their units, products of the inputs' and the weights' scales, allow."""
    path = quantized("--target", "cortex-m", "--rounding", method, "--correct-bias", "false")
    initializers = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    exact = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(network).graph.initializer if tensor.name.endswith("_b")}
    readers = {node.input[0]: node for node in onnx.load(path).graph.node if node.op_type == "DequantizeLinear"}
    for name, bias in exact.items():
        integers, scales = (initializers[part].astype(np.float64) for part in readers[name].input[:2])
        assert (abs(integers * scales - bias) <= 0.51 * scales).all(), name


def test_weights_that_harm_most_for_their_size_keep_8_bits(network, recipe, halftone, tmp_path):
    """Each product's weights rounded to the nearest of 4 bits, in a float network that ONNX Runtime runs on the photos that are looked at."""
    free = tmp_path / "free.toml"
    free.write_text(recipe.read_text().split("[[quantize.layer]]")[0].replace('"network.onnx"', f'"{network}"').replace('"x2.npy"', f'"{network.parent / "x2.npy"}"'))
    halftone("quantize", free, "-o", tmp_path / "free.onnx", "--target", "cortex-m")
    kept = {tensor.name for tensor in onnx.load(tmp_path / "free.onnx").graph.initializer if tensor.data_type == TensorProto.INT8 and tensor.name.endswith("_w")}

    halftone("quantize", recipe, "-o", tmp_path / "nearest.onnx", "--target", "cortex-m", "--rounding", "nearest")
    model = onnx.load(tmp_path / "nearest.onnx")
    readers = {node.input[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}

    def rounded(name):
        """What DequantizeLinear makes of the integers, whatever axis their scales have."""
        node = readers[name]
        extra = [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)]
        used = [tensor for tensor in model.graph.initializer if tensor.name in node.input]
        alone = helper.make_model(helper.make_graph([node], "one", [], extra, used), opset_imports=model.opset_import)
        alone.ir_version = model.ir_version
        return onnxruntime.InferenceSession(alone.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {})[0]

    looked_at = np.load(network.parent / "x2.npy")[[48 * (2 * i + 1) // 6 for i in range(3)]]
    exact = run(network, looked_at)
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in onnx.load(network).graph.initializer if tensor.name.endswith("_w")}
    harm = {}
    for name in sizes:
        changed = onnx.load(network)
        for tensor in changed.graph.initializer:
            if tensor.name in (name, name.removesuffix("w") + "b"):
                tensor.CopyFrom(numpy_helper.from_array(rounded(tensor.name), tensor.name))
        onnx.save(changed, tmp_path / "changed.onnx")
        found = run(tmp_path / "changed.onnx", looked_at)
        harm[name] = np.mean(np.square(found - exact).sum(axis=1) / np.square(exact).sum(axis=1))
    left, expected = sum(sizes.values()) // 8, set()
    for name in sorted(harm, key=lambda name: -harm[name] / sizes[name]):
        if sizes[name] <= left:
            left -= sizes[name]
            expected.add(name)
    print(harm, sizes)
    assert kept == expected and 0 < len(expected) < len(sizes)


@pytest.mark.parametrize("method", METHODS)
def test_threads_do_not_matter(method, halftone, recipe, tmp_path):
    for threads in (1, 3):
        halftone("quantize", recipe, "-o", tmp_path / f"{threads}.onnx", "--rounding", method, "--threads", threads)
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "3.onnx").read_bytes()


def test_fast_looks_at_no_photo_twice(halftone, recipe, quantized, tmp_path):
    """With statistics at hand and --fast the photos need not even be there."""
    halftone("calibrate", recipe, "-o", tmp_path / "seen.stats")
    alone = tmp_path / "alone.toml"
    alone.write_text(recipe.read_text().replace('"network.onnx"', f'"{recipe.parent / "network.onnx"}"').replace('[calibration]\nimages = ["x2.npy"]\n', ""))
    halftone("quantize", alone, "-o", tmp_path / "alone.onnx", "--stats", tmp_path / "seen.stats", "--rounding", "nearest")
    halftone("quantize", recipe, "-o", tmp_path / "fast.onnx", "--fast")
    without, fast = integers_of(tmp_path / "alone.onnx"), integers_of(tmp_path / "fast.onnx")
    assert without.keys() == fast.keys() and all((without[name] == fast[name]).all() for name in fast)
    assert any((integers != fast[name]).any() for name, integers in integers_of(quantized()).items())
