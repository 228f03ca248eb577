"""JPEG: samples straight from libjpeg-turbo are those that Pillow gives, and what is broken is told as before."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from augkit.errors import InputError
from augkit.images.formats import jpeg
from augkit.images.pillow import BROKEN


def photograph(mode, size):
    """Return a smooth picture with some grain."""
    rng = np.random.default_rng(1)
    width, height = size
    ramp = np.linspace(0, 200, width)[np.newaxis, :, np.newaxis] + np.linspace(0, 40, height)[:, np.newaxis, np.newaxis]
    pixels = (ramp + rng.normal(0, 6, (height, width, 4))).clip(0, 255).astype(np.uint8)
    return (
        Image.fromarray(pixels, "CMYK").convert(mode)
        if mode == "CMYK"
        else Image.fromarray(pixels[..., :3]).convert(mode)
    )


def stored(image, **parameters):
    buffer = BytesIO()
    image.save(buffer, "JPEG", **parameters)
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 33), (160, 97)])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("mode", "parameters"),
    [
        ("L", {}),
        ("RGB", {"subsampling": "4:4:4"}),
        ("RGB", {"subsampling": "4:2:2"}),
        ("RGB", {"subsampling": "4:2:0", "quality": 35}),
        ("RGB", {"keep_rgb": True}),
        ("RGB", {"restart_marker_blocks": 2}),
        ("CMYK", {}),
    ],
)
def test_samples_are_those_of_pillow(mode, parameters, progressive, size):
    data = stored(photograph(mode, size), progressive=progressive, **parameters)
    colour = jpeg.decode(data, 10**6).first.colour
    assert colour.flags.c_contiguous
    assert np.array_equal(colour, np.asarray(Image.open(BytesIO(data))))


def test_what_the_library_warns_of_is_as_pillow_has_it():
    whole = stored(photograph("RGB", (64, 48)), restart_marker_blocks=2)
    rng, warned = np.random.default_rng(1), 0
    for _ in range(200):
        data = bytearray(whole)
        data[rng.integers(len(whole) * 3 // 4, len(whole) - 2)] = rng.integers(256)
        try:
            jpeg.decode_jpeg(bytes(data), "RGB", strict=True)
        except ValueError:
            warned += 1
        try:
            expected = np.asarray(Image.open(BytesIO(data)))
        except BROKEN:
            with pytest.raises((InputError, *BROKEN)):
                jpeg.decode(bytes(data), 10**6)
        else:
            assert np.array_equal(jpeg.decode(bytes(data), 10**6).first.colour, expected)
    assert warned > 20


def test_a_file_that_ends_too_early_is_refused():
    data = stored(photograph("RGB", (160, 120)))
    for share in (0.5, 0.9, 0.99):
        with pytest.raises((InputError, *BROKEN)):
            jpeg.decode(data[: int(len(data) * share)], 10**6)
