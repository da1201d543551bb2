# SPDX-License-Identifier: Apache-2.0
"""The image library against OpenCV: decoding against imread, resizing against resize, letterboxes against the detectors' own code.

Runs image_probe (tests/image) from the build folder that HALFTONE_BUILD names.
"""
import io
import struct
import subprocess
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from places import built, shared

PROBE = built("image_probe")
INTERPOLATIONS = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA, "cubic": cv2.INTER_CUBIC}


def probe(commands):
    """One answer a command."""
    done = subprocess.run([PROBE], input="\n".join(commands) + "\n", capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    assert len(answers) == len(commands)
    return answers


def write_raw(path, bgr):
    height, width = bgr.shape[:2]
    path.write_bytes(f"{width} {height} 3\n".encode() + np.ascontiguousarray(bgr[:, :, ::-1]).tobytes())


def read_raw(path):
    header, _, pixels = path.read_bytes().partition(b"\n")
    width, height, channels = map(int, header.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, channels)


@pytest.fixture
def rng():
    return np.random.default_rng(20260714)


def smooth(rng, height, width):
    coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


# ---- camera frames ----


def spread_565(packed):
    """Red, green, blue of 16-bit pixels by numpy: the highest bits once more at the end."""
    red, green, blue = packed >> 11, packed >> 5 & 63, packed & 31
    return np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], -1).astype(np.uint8)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "area"])
@pytest.mark.parametrize("color", ["rgb", "gray"])
@pytest.mark.parametrize("kind", ["rgb888", "rgb565", "gray8"])
def test_frames_equal_opencv(kind, color, interpolation, rng, tmp_path):
    commands, truths = [], []
    for i in range(20):
        w, h, nw, nh = (int(v) for v in rng.integers(4, 90, 4))
        cw, ch = int(rng.integers(1, w + 1)), int(rng.integers(1, h + 1))
        x, y = int(rng.integers(0, w - cw + 1)), int(rng.integers(0, h - ch + 1))
        gap = int(rng.integers(0, 9))
        if kind == "rgb565":
            packed = rng.integers(0, 1 << 16, (h, w), dtype=np.uint16)
            rgb, rows = spread_565(packed), packed.astype("<u2").view(np.uint8).reshape(h, -1)
        elif kind == "gray8":
            rows = rng.integers(0, 256, (h, w), dtype=np.uint8)
            rgb = np.repeat(rows[:, :, None], 3, 2)
        else:
            rgb = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
            rows = rgb.reshape(h, -1)
        padded = np.concatenate([rows, rng.integers(0, 256, (h, gap), dtype=np.uint8)], 1)
        (tmp_path / f"{i}.bin").write_bytes(padded.tobytes())
        part = np.ascontiguousarray(rgb[y : y + ch, x : x + cw])
        if color == "gray":
            part = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY)
        truths.append(cv2.resize(part, (nw, nh), interpolation=INTERPOLATIONS[interpolation]).reshape(nh, nw, -1))
        commands.append(
            f"frame {tmp_path / f'{i}.bin'} {tmp_path / f'{i}.out'} {['rgb888', 'rgb565', 'gray8'].index(kind)} {w} {h} "
            f"{padded.shape[1]} {x} {y} {cw} {ch} {nh} {nw} stretch center {color} {interpolation} 0 0 0"
        )
    assert all(answer.startswith("ok") for answer in probe(commands))
    for i, truth in enumerate(truths):
        np.testing.assert_array_equal(read_raw(tmp_path / f"{i}.out"), truth)


# ---- resizing ----


def random_sizes(rng, count):
    """(photo width, photo height, input width, input height), with whole factors and single rows and columns among them."""
    for i in range(count):
        w, h, nw, nh = (int(v) for v in rng.integers(1, 80 if i % 4 else 600, 4))
        if i % 7 == 0:
            w, h = nw * int(rng.integers(1, 5)), nh * int(rng.integers(1, 5))
        elif i % 7 == 1:
            w, h = 2 * nw, 2 * nh
        elif i % 7 == 2:
            nw, nh = w * int(rng.integers(1, 4)), h * int(rng.integers(1, 4))
        elif i % 7 == 3:
            w, h, nw, nh = [(1, h, nw, nh), (w, 1, nw, nh), (w, h, 1, nh), (w, h, nw, 1)][i % 4]
        yield w, h, nw, nh


def resized_pairs(rng, folder, interpolation, count):
    """For random photos: the size, OpenCV's result and ours, in colour and in grey."""
    photos, commands = [], []
    for i, (w, h, nw, nh) in enumerate(random_sizes(rng, count)):
        photos.append((rng.integers(0, 256, (h, w, 3), dtype=np.uint8), (nw, nh)))
        write_raw(folder / f"{i}.raw", photos[-1][0])
        for color in ("bgr", "gray"):
            commands.append(f"pixels {folder}/{i}.raw {folder}/{i}.{color} {nh} {nw} stretch top-left {color} {interpolation} 0 0 0")
    assert set(probe(commands)) == {"ok "}
    for i, (photo, size) in enumerate(photos):
        for color, source in (("bgr", photo), ("gray", cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY))):
            expected = cv2.resize(source, size, interpolation=INTERPOLATIONS[interpolation])
            yield (photo.shape, size, color), expected.reshape(size[1], size[0], -1), read_raw(folder / f"{i}.{color}")


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "area"])
def test_resize_equals_opencv(interpolation, rng, tmp_path):
    for what, expected, ours in resized_pairs(rng, tmp_path, interpolation, 300):
        np.testing.assert_array_equal(ours, expected, err_msg=str(what))


def test_cubic_is_within_one_of_opencv(rng, tmp_path):
    """The x86 wheels hand cubic to Intel's IPP, whose last bits depend on the processor, or, below four pixels, compute it themselves.

    Whole factors make many sums fall halfway between two values, where the last bit of a float decides."""
    differing = total = 0
    for (shape, size, color), expected, ours in resized_pairs(rng, tmp_path, "cubic", 300):
        difference = np.abs(expected.astype(int) - ours)
        assert difference.max() <= 1, (shape, size, color)
        if min(shape[:2]) >= 4 and size[0] % shape[1] and size[1] % shape[0]:
            differing, total = differing + np.count_nonzero(difference), total + difference.size
    assert total > 1e6 and differing < 1e-4 * total


@pytest.fixture
def own_code():
    cv2.setUseOptimized(False)
    yield
    cv2.setUseOptimized(True)


def test_cubic_is_within_one_of_opencv_own_code(rng, tmp_path, own_code):
    for what, expected, ours in resized_pairs(rng, tmp_path, "cubic", 100):
        assert np.abs(expected.astype(int) - ours).max() <= 1, what


def test_resize_equals_opencv_on_photos(tmp_path):
    photos = sorted(shared("data", "coco", "calibration").glob("*.jpg"))[:20]
    commands = [f"pixels {p} {tmp_path}/{p.stem}.{m} 320 416 stretch top-left bgr {m} 0 0 0" for p in photos for m in ("bilinear", "area")]
    assert set(probe(commands)) == {"ok "}
    for p in photos:
        for m in ("bilinear", "area"):
            expected = cv2.resize(cv2.imread(str(p)), (416, 320), interpolation=INTERPOLATIONS[m])
            np.testing.assert_array_equal(read_raw(tmp_path / f"{p.stem}.{m}"), expected, err_msg=f"{p.name} {m}")


# ---- placing and normalizing ----


def fit(size, photo):
    r = min(size[0] / photo[0], size[1] / photo[1])
    nh, nw = int(photo[0] * r), int(photo[1] * r)
    return r, nh, nw, (size[0] - nh) // 2, (size[1] - nw) // 2


@pytest.mark.parametrize("place", ["top-left", "center"])
def test_letterbox_and_its_placement(place, rng, tmp_path):
    sizes = [(h, w) for h, w in rng.integers(20, 500, (60, 2)).tolist()] + [(480, 640), (427, 640), (640, 480), (416, 416)]
    for i, (h, w) in enumerate(sizes):
        size = (416, 416) if i % 2 else (320, 352)
        photo = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        write_raw(tmp_path / "in.raw", photo)
        p = f"{size[0]} {size[1]} letterbox {place} bgr bilinear 114 7 200"
        answers = probe([f"pixels {tmp_path}/in.raw {tmp_path}/out.raw {p}", f"placement {w} {h} {p}"])
        r, nh, nw, top, left = fit(size, (h, w))
        if place == "top-left":
            top = left = 0
        expected = np.empty((*size, 3), np.uint8)
        expected[:] = (114, 7, 200)
        expected[top:top + nh, left:left + nw] = cv2.resize(photo, (nw, nh), interpolation=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(read_raw(tmp_path / "out.raw"), expected, err_msg=f"{(h, w)} into {size}")
        scale_x, scale_y, offset_x, offset_y = map(float, answers[1].split()[1:])
        box = rng.uniform(0, 300, 4)
        ours = (box - (offset_x, offset_y) * 2) / ((scale_x, scale_y) * 2)
        theirs = box / r if place == "top-left" else (box - (left, top) * 2) * ((w / nw, h / nh) * 2)
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-10)


def test_center_crop_is_the_middle_of_the_resized_photo(rng, tmp_path):
    for h, w in rng.integers(20, 400, (40, 2)).tolist():
        photo = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
        write_raw(tmp_path / "in.raw", photo)
        assert probe([f"pixels {tmp_path}/in.raw {tmp_path}/out.raw 96 64 center-crop center bgr area 0 0 0"]) == ["ok "]
        r = max(96 / h, 64 / w)
        nh, nw = max(96, int(h * r)), max(64, int(w * r))
        top, left = (nh - 96) // 2, (nw - 64) // 2
        expected = cv2.resize(photo, (nw, nh), interpolation=cv2.INTER_AREA)[top:top + 96, left:left + 64]
        np.testing.assert_array_equal(read_raw(tmp_path / "out.raw"), expected, err_msg=str((h, w)))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("color", ["bgr", "rgb", "gray"])
def test_floats_equal_numpy(layout, color, rng, tmp_path):
    photo = rng.integers(0, 256, (33, 47, 3), dtype=np.uint8)
    write_raw(tmp_path / "in.raw", photo)
    mean, std = np.float32([103.53, 116.28, 123.675]), np.float32([57.375, 57.12, 255])
    p = f"33 47 none top-left {color} bilinear 0 0 0 " + " ".join(str(v) for v in [*mean, *std])
    assert probe([f"tensor {tmp_path}/in.raw {tmp_path}/out.f32 {p} {layout}"]) == ["ok "]
    pixels = {"bgr": photo, "rgb": photo[:, :, ::-1], "gray": cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY)[:, :, None]}[color]
    channels = pixels.shape[2]
    expected = (pixels.astype(np.float32) - mean[:channels]) / std[:channels]
    if layout == "nchw":
        expected = expected.transpose(2, 0, 1)
    np.testing.assert_array_equal(np.fromfile(tmp_path / "out.f32", np.float32), expected.ravel())


# ---- decoding ----


def exif(orientation, order):
    return {">": b"MM", "<": b"II"}[order] + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def jpeg_with_exif(jpeg, orientation, order):
    body = b"Exif\0\0" + exif(orientation, order)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def pillow_bytes(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpegs(rng):
    photo = smooth(rng, 61, 83)
    encode = lambda image, *options: cv2.imencode(".jpg", image, options)[1].tobytes()
    for sampling in ("411", "420", "422", "440", "444"):
        option = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}"))
        yield f"baseline {sampling}", encode(photo, *option)
        yield f"progressive {sampling}", encode(photo, *option, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    yield "restart markers", encode(photo, cv2.IMWRITE_JPEG_RST_INTERVAL, 3)
    yield "grey", encode(photo[:, :, 0])
    cmyk = pillow_bytes(Pillow.fromarray(photo).convert("CMYK"), "JPEG")
    adobe = cmyk.index(b"\xff\xee\0\x0eAdobe")
    yield "cmyk", cmyk
    yield "ycck", cmyk[:adobe + 15] + b"\2" + cmyk[adobe + 16:]  # the same numbers, said to be another colour space
    yield "cmyk of nobody", cmyk[:adobe] + cmyk[adobe + 16:]
    yield "rgb", pillow_bytes(Pillow.fromarray(photo), "JPEG", keep_rgb=True)
    for orientation in range(10):
        yield f"orientation {orientation}", jpeg_with_exif(encode(photo), orientation, "<>"[orientation % 2])
    for width in (1, 2, 3, 7, 8, 9, 15, 16, 17):
        yield f"width {width}", encode(smooth(rng, 19, width))


def png(rng, depth, kind, interlaced=False, transparency=b"", more=()):
    """A PNG of random samples: kind is PNG's colour type."""
    width, height, channels = 21, 13, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)] if interlaced else [(0, 0, 1, 1)]
    rows = b""
    for x, y, dx, dy in passes:
        row_bytes = (-(-(width - x) // dx) * channels * depth + 7) // 8
        for _ in range(-(-(height - y) // dy)):
            rows += b"\0" + rng.integers(0, 256, row_bytes, dtype=np.uint8).tobytes()
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced))]
    if kind == 3:
        parts.append((b"PLTE", rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes()))
    if transparency:
        parts.append((b"tRNS", transparency))
    parts += [*more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*p) for p in parts)


def pngs(rng):
    for interlaced in (False, True):
        for kind, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
            for depth in depths:
                name = f"kind {kind}, {depth} bits" + ", interlaced" * interlaced
                yield name, png(rng, depth, kind, interlaced)
                transparency = {0: b"\0\1", 2: b"\0\1" * 3, 3: b"\0\x80"}.get(kind)
                if transparency:
                    yield name + ", transparency", png(rng, depth, kind, interlaced, transparency)
    yield "gamma", png(rng, 8, 2, more=[(b"gAMA", struct.pack(">I", 100000))])
    for orientation in (1, 3, 6, 8):
        yield f"orientation {orientation}", png(rng, 8, 2, more=[(b"eXIf", exif(orientation, ">"))])


def webps(rng):
    photo = smooth(rng, 61, 83)
    with_alpha = np.dstack([photo, rng.integers(0, 256, photo.shape[:2], dtype=np.uint8)])
    for name, quality in (("lossy", 80), ("lossless", 101)):
        for image in (photo, with_alpha):
            yield f"{name}, {image.shape[2]} channels", cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    for orientation in (1, 3, 6, 8):
        yield f"orientation {orientation}", pillow_bytes(Pillow.fromarray(photo), "WEBP", exif=b"Exif\0\0" + exif(orientation, ">"))


@pytest.mark.parametrize("kind, files", [("jpg", jpegs), ("png", pngs), ("webp", webps)])
def test_decode_equals_imread(kind, files, rng, tmp_path):
    for name, data in files(rng):
        path = tmp_path / f"in.{kind}"
        path.write_bytes(data)
        assert probe([f"decode {path} {tmp_path}/out.raw"]) == ["ok "], name
        np.testing.assert_array_equal(read_raw(tmp_path / "out.raw")[:, :, ::-1], cv2.imread(str(path), cv2.IMREAD_COLOR), err_msg=name)


def test_decode_equals_imread_on_photos(tmp_path):
    coco = shared("data", "coco")
    photos = sorted((coco / "calibration").glob("*.jpg")) + sorted((coco / "val" / "images").glob("*.jpg"))
    for photo in photos:
        assert probe([f"decode {photo} {tmp_path}/out.raw"]) == ["ok "], photo.name
        np.testing.assert_array_equal(read_raw(tmp_path / "out.raw")[:, :, ::-1], cv2.imread(str(photo)), err_msg=photo.name)
