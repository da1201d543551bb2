# SPDX-License-Identifier: Apache-2.0
"""C bundles: built by several compilers, run, and held against the session and against arithmetic of this file."""
import json
import shutil
import subprocess

import numpy as np
import pytest

from conftest import recipe_of_noise, write_recipe
from places import STREET, shared

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-O1", "-ffp-contract=off", "-fno-math-errno"]
C99 = ["-std=c99", *STRICT]
COMPILERS = {
    "gcc": ["gcc", *C99],
    "clang": ["clang", *C99],
    "g++": ["g++", "-x", "c++", "-std=c++17", *STRICT],
    "clang++": ["clang++", "-x", "c++", "-std=c++17", *STRICT],
    "sanitizers": ["gcc", *C99, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "no optimization": ["gcc", "-std=c99", "-O0", "-Wall", "-Werror", "-ffp-contract=off"],  # and errno, which no library is needed for
}
# The quantized networks: sample or file of ../shared/data/models/tiny, and options of quantize.
MODELS = {
    "street": (None, ["--target", "cortex-m"]),
    "street_native": (None, ["--target", "native"]),
    "street_unsigned": (None, ["--target", "onnxruntime"]),
    "kws": ("model_kws.onnx", ["--target", "cortex-m", "--head", "quantize"]),
    "ic": ("model_ic.onnx", ["--target", "cortex-m"]),
    "vww": ("vww_96_float.onnx", ["--target", "native"]),
    "kws_w4": ("model_kws.onnx", ["--target", "cortex-m", "--weights", "4"]),
    "ic_groups": ("model_ic.onnx", ["--target", "cortex-m", "--weights", "4", "--group", "32"]),
    "kws_a16": ("model_kws.onnx", ["--target", "cortex-m", "--activations", "16"]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compile")


@pytest.fixture(scope="module")
def quantized(halftone, folder):
    """The path of a quantized network, made once."""

    def make(name):
        path = folder / f"{name}.onnx"
        if path.exists():
            return path
        source, options = MODELS[name]
        recipe = STREET / "street.toml"
        if source:
            recipe = recipe_of_noise(halftone, shared("data", "models", "tiny", source), folder / f"{name}.toml")
        halftone("quantize", recipe, "-o", path, *options)
        return path

    return make


@pytest.fixture(scope="module")
def bundle(halftone, folder, quantized):
    """The folder of a bundle and what --json said of it, made once."""
    made = {}

    def make(name, *options):
        key = (name, *options)
        if key not in made:
            place = folder / f"bundle{len(made)}"
            made[key] = place, halftone.json("compile", quantized(name), "-o", place, "--name", name, *options)
        return made[key]

    return make


def sources(place):
    return sorted(str(path) for path in [*place.glob("*.c"), *(place / "kernels").rglob("*.c")])


def build(place, compiler, *files, program="program"):
    if not shutil.which(compiler[0]):
        pytest.skip(f"{compiler[0]} is not there")
    path = place.parent / f"{place.name}_{program}"
    subprocess.run([*compiler, f"-I{place}", *map(str, files), *sources(place), "-o", str(path)], check=True, timeout=600)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_the_bundles_own_test_passes(bundle, name):
    place, result = bundle(name)
    done = subprocess.run(["make", "-C", place, "test", "CFLAGS=-O2 -Werror"], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name}: 10 vectors, every output identical to the host's" in done.stdout and result["vectors"] == 10


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", ["street", "street_native", "kws_w4", "ic_groups", "kws_a16"])
def test_every_compiler_gives_the_same(bundle, name, compiler):
    place, _ = bundle(name, "--vectors", "2")
    program = build(place, COMPILERS[compiler], *(place / "test").glob("*.c"))
    done = subprocess.run([program], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and "2 vectors" in done.stdout, done.stdout + done.stderr


def test_the_test_can_fail(bundle, folder):
    place, _ = bundle("kws", "--vectors", "2")
    broken = folder / "broken"
    shutil.copytree(place, broken)
    weights = broken / "kws_weights.c"
    text = weights.read_text()
    at = text.index("step0_weights")
    weights.write_text(text[:at] + text[at:].replace("{\n    ", "{\n    77 + ", 1))
    program = build(broken, ["gcc", "-std=c99"], *(broken / "test").glob("*.c"))
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 1 and "differs in" in done.stdout and "first in element" in done.stdout


DRIVER = """
#include <stdio.h>
#include <stdlib.h>
#include "@NAME@.h"
static @NAME@_arena arena;
@BUFFERS@
int main(int argc, char **argv) {
  @NAME@_inputs in;
  @NAME@_outputs out;
  (void)argv;
@READS@
  if (@NAME@_run(&in, &out, &arena) != 0) return 3;
@WRITES@
  return 0;
}
"""
C_TYPES = {"i8": "int8_t", "f32": "float", "i16": "int16_t", "i32": "int32_t", "i64": "int64_t"}
NUMPY = {"i8": np.int8, "f32": np.float32, "i16": np.int16, "i32": np.int32, "i64": np.int64}


def driver(result):
    """A program that takes raw inputs, or real numbers for the bundle's own helpers where it has an argument, and gives raw outputs."""
    name, buffers, reads, writes = result["name"], "", "", ""
    for tensor in result["inputs"]:
        port, macro = tensor["name"], f"{name}_{tensor['name']}".upper()
        buffers += f"static {C_TYPES[tensor['type']]} in_{port}[{macro}_COUNT];\nstatic float real_{port}[{macro}_COUNT];\n"
        reads += f"  if (argc > 1) {{ if (fread(real_{port}, sizeof(float), {macro}_COUNT, stdin) != {macro}_COUNT) return 2;\n"
        channel = f", (int32_t)(i % {tensor['shape'][-1]})" if len(tensor["scales"]) > 1 else ""
        value = f"{name}_quantize_{port}(real_{port}[i]{channel})" if tensor["scales"] else f"real_{port}[i]"
        reads += f"    for (size_t i = 0; i < {macro}_COUNT; ++i) in_{port}[i] = {value}; }}\n"
        reads += f"  else if (fread(in_{port}, sizeof in_{port}[0], {macro}_COUNT, stdin) != {macro}_COUNT) return 2;\n  in.{port} = in_{port};\n"
    for tensor in result["outputs"]:
        port, macro = tensor["name"], f"{name}_{tensor['name']}".upper()
        buffers += f"static {C_TYPES[tensor['type']]} out_{port}[{macro}_COUNT];\n"
        reads += f"  out.{port} = out_{port};\n"
        writes += f"  fwrite(out_{port}, sizeof out_{port}[0], {macro}_COUNT, stdout);\n"
    text = DRIVER.replace("@NAME@", name).replace("@BUFFERS@", buffers).replace("@READS@", reads).replace("@WRITES@", writes)
    return text


def quantize(real, tensor):
    scale, zero = np.array(tensor["scales"], np.float32), np.array(tensor["zero_points"])
    info = np.iinfo(NUMPY[tensor["type"]])
    return np.clip(np.rint(real / scale) + zero, info.min, info.max).astype(NUMPY[tensor["type"]])


def to_memory(array, tensor):
    return np.moveaxis(array, 1, -1) if tensor["channels_last"] else array


def from_memory(data, tensor):
    array = data.reshape(tensor["shape"])
    return np.moveaxis(array, -1, 1) if tensor["channels_last"] else array


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_the_session(halftone, bundle, folder, quantized, name):
    place, result = bundle(name)
    source = folder / f"{name}_driver.c"
    source.write_text(driver(result))
    program = build(place, ["gcc", "-std=c99", "-O2", "-ffp-contract=off"], source, program="driver")
    (given,), random = result["inputs"], np.random.default_rng(11)
    info = halftone.json("inspect", quantized(name))
    for magnitude in (0.5, 3.0):
        real = (random.normal(size=info["inputs"][0]["shape"]) * magnitude).astype(np.float32)
        np.save(folder / "x.npy", real)
        halftone("run", quantized(name), "--input", folder / "x.npy", "--output", folder / f"{name}_outputs")
        in_memory = np.ascontiguousarray(to_memory(real, given))
        integers = quantize(in_memory, given) if given["scales"] else in_memory
        raw = subprocess.run([program], input=integers.tobytes(), capture_output=True, check=True).stdout
        assert raw == subprocess.run([program, "real"], input=in_memory.tobytes(), capture_output=True, check=True).stdout
        at = 0
        for tensor in result["outputs"]:
            kind = NUMPY[tensor["type"]]
            count = int(np.prod(tensor["shape"]))
            data = np.frombuffer(raw, kind, count, at)
            at += data.nbytes
            if tensor["scales"]:
                data = ((data.reshape(tensor["shape"]).astype(np.int32) - np.array(tensor["zero_points"])).astype(np.float32) * np.array(tensor["scales"], np.float32))
            expected = np.load(folder / f"{name}_outputs" / f"{tensor['value'].replace('/', '_').replace(':', '_')}.npy")
            found = from_memory(np.ascontiguousarray(data), tensor)
            assert found.shape == expected.shape and np.array_equal(found, expected)
        assert at == len(raw)


def test_photos_and_arrays_join_the_test(halftone, quantized, folder):
    photo = next((STREET / "val").iterdir())
    array = folder / "array.npy"
    np.save(array, np.random.default_rng(2).random((1, 3, 192, 320), np.float32))
    place = folder / "with_photo"
    result = halftone.json("compile", quantized("street"), "-o", place, "--vectors", "1", "--image", photo, "--input", array, "--name", "street")
    assert result["vectors"] == 3
    program = build(place, COMPILERS["gcc"], *(place / "test").glob("*.c"))
    assert "3 vectors" in subprocess.run([program], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("option", ["-ffast-math", "-funsafe-math-optimizations", "-ffinite-math-only", "-fassociative-math -fno-signed-zeros -fno-trapping-math"])
def test_float_policies_refuse_fast_math(bundle, option):
    place, _ = bundle("street_native")
    done = subprocess.run(["gcc", "-std=c99", *option.split(), f"-I{place}", "-c", place / "street_native.c", "-o", "/dev/null"], capture_output=True, text=True)
    assert done.returncode != 0 and "without -ffast-math" in done.stderr


def files_of(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def test_the_same_model_gives_the_same_bytes(bundle, halftone, quantized, folder):
    place, _ = bundle("kws")
    halftone("compile", quantized("kws"), "-o", folder / "again", "--name", "kws", "--threads", "1")
    first = {path: text for path, text in files_of(place).items() if not path.startswith("build/")}
    assert first == files_of(folder / "again")


def test_only_earlier_bundles_are_replaced(halftone, quantized, folder):
    place = folder / "replaced"
    for _ in range(2):
        halftone("compile", quantized("kws"), "-o", place, "--name", "kws")
        subprocess.run(["make", "-s", "-C", place], check=True, stdout=subprocess.DEVNULL)
    (place / "mine.c").write_text("int mine;\n")
    before = files_of(place)
    done = halftone("compile", quantized("kws"), "-o", place, "--name", "kws", expect=3)
    assert "holds other files" in done.stderr and files_of(place) == before


def test_links(halftone, quantized, folder):
    """A link as the folder is kept, and what it names replaced; links in a bundle are not of it, wherever they point."""
    place, link = folder / "linked", folder / "link"
    link.symlink_to(place.name)
    halftone("compile", quantized("kws"), "-o", link, "--name", "kws", expect=3)
    place.mkdir()
    for _ in range(2):
        halftone("compile", quantized("kws"), "-o", link, "--name", "kws")
        assert link.is_symlink() and (place / "kws.h").exists()
    for target in ("loop", ".", "kernels"):
        (place / "loop").symlink_to(target)
        assert "holds other files" in halftone("compile", quantized("kws"), "-o", place, "--name", "kws", expect=3).stderr
        (place / "loop").unlink()
    assert not list(folder.glob(".link*")) and not list(folder.glob(".linked*"))


@pytest.mark.parametrize("name", ["test", "help", "stdint", "features", "ht_conv"])
def test_names_that_others_have_build(halftone, quantized, folder, name):
    """CMake's targets, system headers, files of the kernels."""
    place = folder / f"name_{name}"
    assert halftone.json("compile", quantized("kws"), "-o", place, "--name", name, "--vectors", "1")["name"] == f"{name}_net"
    subprocess.run(["make", "-s", "-C", place, "test", "CFLAGS=-O0"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "-S", place, "-B", place / "build" / "cmake"], check=True, stdout=subprocess.DEVNULL)


def test_system_headers_are_none_of_the_bundles(bundle, halftone, quantized, folder):
    """As the compiler lists those that the bundle's files include: a bundle of such a name gets another one."""
    place, _ = bundle("kws", "--vectors", "2")
    listed = subprocess.run(["gcc", "-M", f"-I{place}", *sources(place), place / "test" / "main.c"], check=True, capture_output=True, text=True).stdout
    words = [word for word in listed.replace("\\\n", " ").split() if word.endswith(".h") and not word.startswith(str(place))]
    names = {word.rsplit("/", 1)[1][:-2] for word in words if word.rsplit("/", 2)[1] in ("include", "sys-include")}
    names = sorted(name for name in names if name.isidentifier())
    assert {"stdint", "stdio", "features"} <= set(names)
    for name in names:
        result = halftone.json("compile", quantized("kws"), "-o", folder / "header", "--name", name, "--vectors", "1")
        assert result["name"] not in names


@pytest.mark.parametrize("options, code, words", [
    (["--ram", "4000"], 1, ["bytes of RAM", "arena", "4000", "smaller input"]),
    (["--flash", "5000"], 1, ["bytes of flash", "weights", "5000", "4 bits"]),
    (["--cpu", "z80"], 2, ["z80", "cortex-m4"]),
])
def test_refusals_write_nothing(halftone, quantized, folder, options, code, words):
    done = halftone("compile", quantized("kws"), "-o", folder / "never", *options, expect=code)
    assert all(word in done.stderr for word in words), done.stderr
    assert not (folder / "never").exists()


def test_float_models_are_refused(halftone, folder):
    done = halftone("compile", STREET / "detector.onnx", "-o", folder / "never", "--cpu", "cortex-m3", expect=4)
    assert "float model" in done.stderr and "quantize" in done.stderr and "--target cortex-m" in done.stderr
    assert not (folder / "never").exists()


def test_processors_without_floats_warn(halftone, quantized, folder):
    native = halftone("compile", quantized("vww"), "-o", folder / "m3_native", "--cpu", "cortex-m3")
    assert "no floating point unit" in native.stderr and "float-half-even" in native.stderr and "quantize --target cortex-m" in native.stderr
    head = halftone("compile", quantized("kws_w4"), "-o", folder / "m3_head", "--cpu", "cortex-m3")
    assert "steps compute with floats" in head.stderr and "float-half-even" not in head.stderr
    fixed = halftone("compile", quantized("kws"), "-o", folder / "m3_fixed", "--cpu", "cortex-m3")
    assert "float" not in fixed.stderr
    assert "HT_FLOATS 0" in (folder / "m3_fixed" / "kernels" / "c" / "ht_config.h").read_text()
    assert "floating point" not in halftone("compile", quantized("vww"), "-o", folder / "m4", "--cpu", "cortex-m4").stderr


@pytest.mark.parametrize("cpu", ["cortex-m3", "cortex-m4", "cortex-m7", "cortex-m55", "aarch64"])
def test_every_processor_gives_the_hosts_integers(bundle, cpu):
    """The processors' own kernels are C99 as well, so they run here too."""
    for name in ("kws", "street_native"):
        place, result = bundle(name, "--cpu", cpu, "--vectors", "2")
        assert result["cpu"] == cpu
        program = build(place, COMPILERS["gcc"], *(place / "test").glob("*.c"))
        subprocess.run([program], check=True)


@pytest.mark.parametrize("name", ["vww"])
def test_layers_run_by_bands_where_memory_asks_for_it(bundle, halftone, quantized, folder, name):
    """The test's vectors come from a session that runs every layer as a whole."""
    whole, banded = bundle(name)[1], bundle(name, "--bands", "--vectors", "2")[1]
    assert whole["bands"] == 0 and banded["bands"] > 1 and banded["arena_bytes"] * 2 <= whole["arena_bytes"]
    assert banded["macs"] == whole["macs"] + banded["extra_macs"]
    place = bundle(name, "--bands", "--vectors", "2")[0]
    subprocess.run([build(place, COMPILERS["sanitizers"], *(place / "test").glob("*.c"))], check=True)
    ram = (whole["ram_bytes"] + banded["ram_bytes"]) // 2
    between = halftone.json("compile", quantized(name), "-o", folder / f"{name}_between", "--ram", ram)
    assert between["bands"] > 1 and between["ram_bytes"] <= ram and between["extra_macs"] <= banded["extra_macs"]
    enough = halftone.json("compile", quantized(name), "-o", folder / f"{name}_enough", "--ram", whole["ram_bytes"])
    assert enough["bands"] == 0 and enough["ram_bytes"] == whole["ram_bytes"]


def test_two_bundles_fit_into_one_program(bundle, folder):
    first, second = bundle("kws", "--vectors", "2")[0], bundle("kws_w4", "--vectors", "2")[0]
    objects = []
    for place in (first, second):
        for source in sources(place):
            objects.append(str(folder / f"{place.name}{len(objects)}.o"))
            subprocess.run(["gcc", "-std=c99", "-O1", f"-I{place}", "-c", source, "-o", objects[-1]], check=True)
    main = folder / "both.c"
    main.write_text('#include "kws.h"\n#include "kws_w4.h"\nint main(void) { return kws_run(0, 0, 0) != 1 || kws_w4_run(0, 0, 0) != 1; }\n')
    subprocess.run(["gcc", "-std=c99", f"-I{first}", f"-I{second}", str(main), *objects, "-o", str(folder / "both")], check=True)
    subprocess.run([folder / "both"], check=True)


def test_the_manifest_lists_every_file(bundle):
    place, _ = bundle("kws", "--vectors", "2")
    manifest = json.loads((place / "bundle.json").read_text())
    assert sorted([*manifest["files"], "bundle.json"]) == sorted(files_of(place))
