"""The Netpbm formats and PFM: the header stays byte for byte, and samples of any maxval are exact."""

import io

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from augkit.errors import InputError
from augkit.images import files
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key

MAGICS = {"P2": (".pgm", 1), "P3": (".ppm", 3), "P5": (".pgm", 1), "P6": (".ppm", 3), "P7": (".pam", 0)}
TUPLES = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}


def run(folder, data, suffix, **options):
    source, target = folder / f"source{suffix}", folder / "out"
    source.write_bytes(data)
    outcome = files.open_item(source, ImageOptions(**{"std": 0, **options})).write(target, Key(2), measure=True)
    return outcome, target.read_bytes()


@st.composite
def pictures(draw):
    """Return a file, its suffix, the length of its header, and its samples."""
    magic = draw(st.sampled_from(sorted(MAGICS)))
    suffix, channels = MAGICS[magic]
    channels = channels or draw(st.integers(1, 4))
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 7))
    top = draw(st.one_of(st.sampled_from([1, 15, 255, 256, 1023, 65535]), st.integers(1, 65535)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(0, top, (height, width, channels), endpoint=True)
    space = draw(st.sampled_from([" ", "\n", "\t", "\r\n", "\n# a comment\n", " # one\n# two\n"]))
    head = f"{magic}{space}{width}{space}{height}{space}{top}\n"
    if magic == "P7":
        head = f"P7\n# note\nHEIGHT {height}\nWIDTH {width}\nMAXVAL {top}\nDEPTH {channels}\n"
        head += f"TUPLTYPE {TUPLES[channels]}\n" if draw(st.booleans()) else ""
        head += "ENDHDR\n"
    if magic in ("P2", "P3"):
        body = b"\n".join(b" ".join(str(value).encode() for value in row.ravel()) for row in values) + b"\n"
    else:
        body = values.astype(np.uint8 if top < 256 else ">u2").tobytes()
    return head.encode() + body, suffix, len(head), values, top


@settings(max_examples=150, deadline=None)
@given(made=pictures())
def test_level_zero_gives_the_file_back(made, tmp_path_factory):
    data, suffix, _, _, _ = made
    outcome, written = run(tmp_path_factory.mktemp("pnm"), data, suffix)
    if data[:2] in (b"P2", b"P3"):
        assert written.split() == data.split()
        assert max(map(len, written.splitlines())) <= max(70, *map(len, data.splitlines()))
    else:
        assert written == data
    assert outcome.notices == ()
    assert outcome.achieved["std"] in (0, None)


@settings(max_examples=60, deadline=None)
@given(made=pictures(), target=st.sampled_from(["png", "tif"]))
def test_white_is_white_in_other_formats(made, target, tmp_path_factory):
    data, suffix, _, values, top = made
    outcome, written = run(tmp_path_factory.mktemp("pnm"), data, suffix, format=target)
    full = 255 if top < 256 else 65535
    scaled = values * (full / top)
    decoded = cv2.imdecode(np.frombuffer(written, np.uint8), cv2.IMREAD_UNCHANGED)
    if values.shape[2] == 2 and target == "png":  # OpenCV gives gray with alpha as four channels
        decoded = decoded[..., [0, 3]]
    if target == "tif":
        decoded = tifffile.imread(io.BytesIO(written))
    elif decoded.ndim == 3 and decoded.shape[2] > 2:
        decoded = decoded[..., [2, 1, 0, 3][: decoded.shape[2]]]
    assert np.abs(decoded.reshape(scaled.shape) - scaled).max() <= 0.5
    assert any("scaled to the full range" in notice for notice in outcome.notices) == (top != full)


@pytest.mark.parametrize("top", [15, 255, 1000, 65535])
def test_noise_is_a_share_of_the_maxval(top, tmp_path):
    values = np.full((60, 70), round(top * 0.4)).astype(np.uint8 if top < 256 else ">u2")
    data = b"P5\n70 60\n%d\n" % top + values.tobytes()
    outcome, written = run(tmp_path, data, ".pgm", std=0.1)
    noisy = np.frombuffer(written[-values.nbytes :], values.dtype).astype(float)
    assert (noisy / top).std() == pytest.approx(0.1, rel=0.06)
    assert outcome.achieved["std"] == pytest.approx(np.sqrt(np.mean((noisy - values.ravel()) ** 2)) / top)
    loud = np.frombuffer(run(tmp_path, data, ".pgm", std=0.9)[1][-values.nbytes :], values.dtype)
    assert (loud.min(), loud.max()) == (0, top)


@pytest.mark.parametrize(("magic", "order"), [(b"Pf", "<"), (b"PF", "<"), (b"Pf", ">"), (b"PF", ">")])
def test_pfm_keeps_floats_and_their_order(magic, order, tmp_path):
    rng = np.random.default_rng(1)
    values = rng.random((9, 7, 3) if magic == b"PF" else (9, 7)).astype(f"{order}f4")
    head = magic + b"\n7 9\n%s2.500\n" % (b"-" if order == "<" else b"")
    _, written = run(tmp_path, head + values.tobytes(), ".pfm")
    assert written == head + values.tobytes()
    outcome, written = run(tmp_path, head + values.tobytes(), ".pfm", std=0.05, format="tif")
    noise = tifffile.imread(io.BytesIO(written)) - values[::-1]
    assert outcome.achieved["std"] == pytest.approx(np.sqrt(np.mean(noise**2)), rel=1e-4)


def test_bits_are_read_and_not_written(tmp_path):
    bits = np.random.default_rng(3).integers(0, 2, (11, 13))
    raw = b"P4\n13 11\n" + np.packbits(bits, axis=1).tobytes()
    plain = b"P1\n# bits\n13 11\n" + b"\n".join(b"".join(b"%d" % bit for bit in row) for row in bits)
    for data in (raw, plain):
        outcome, written = run(tmp_path, data, ".pbm", format="png")
        assert outcome.notices[0] == "1-bit image written as 8-bit gray"
        with Image.open(io.BytesIO(data)) as one, Image.open(io.BytesIO(written)) as other:
            np.testing.assert_array_equal(np.asarray(one.convert("L")), np.asarray(other))
        with pytest.raises(InputError, match=r"PBM cannot hold L pixels.* choose one of the formats .*pgm"):
            run(tmp_path, data, ".pbm")


BROKEN = {
    "several pictures": (b"P5 1 1 255\n\x07P5 1 1 255\n\x08", "several pictures in one file"),
    "no height": (b"P5 3", "its header ends early"),
    "cut": (b"P6 2 2 255\n123456", "6 bytes are missing"),
    "maxval": (b"P5 1 1 70000\n\x01\x02", "maxval is 70000"),
    "sample beyond maxval": (b"P5 2 1 9\n\x03\x0a", "greater than the maxval of 9"),
    "word": (b"P2 2 1 9\n3 x\n", "broken one"),
    "too few": (b"P2 2 2 9\n3 4 5\n", "expected 4 samples, got 3"),
    "negative": (b"P2 2 1 9\n3 -4\n", "not within 0 to 9"),
    "infinite scale": (b"PF\n1 1\ninf\n" + bytes(12), "its scale is inf"),
    "five channels": (b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 9\nENDHDR\n12345", "with 5 channels are unknown"),
    "bomb": (b"P5 99999 99999 255\n\0", "at most 89,478,485 pixels"),
    "huge number": (b"P5 99999999999999999999 1 255\n\0", "whole number was expected"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(name, tmp_path):
    data, message = BROKEN[name]
    with pytest.raises(InputError, match=rf"source\.pgm: .*{message}"):
        run(tmp_path, data, ".pgm", format="png")
