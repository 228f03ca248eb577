"""Pillow's modes: kept with their info and alpha, or refused with the way out."""

import numpy as np
import pytest
from PIL import Image

from augkit import images
from augkit.errors import UsageError

CALLS = {
    "add_noise": {"std": 0.05},
    "add_shot_noise": {"photons": 100},
    "add_sensor_noise": {"full_well": 5000, "read_noise": 30, "gain": 4},
    "add_speckle": {"std": 0.1},
    "add_salt_and_pepper": {"amount": 0.2},
    "add_preset": {"preset": "imagenet-c/shot_noise:1"},
}
LIGHT = ("L", "LA", "RGB", "RGBA", "RGBX", "I;16", "I;16L", "I;16B", "I", "F")


def picture(mode, size=(30, 20)):
    rows = np.linspace(0.2, 0.8, size[0] * size[1]).reshape(size[1], size[0])
    if mode == "F":
        return Image.fromarray(rows.astype(np.float32))
    if mode == "I":
        return Image.fromarray((rows * 60_000).astype(np.int32))
    if mode.startswith("I;16"):
        order = ">u2" if mode == "I;16B" else "<u2"
        return Image.frombytes(mode, size, (rows * 65535).astype(order).tobytes())
    rgba = np.repeat((rows * 255).astype(np.uint8)[..., np.newaxis], 4, axis=2)
    rgba[..., 3] = np.arange(size[0] * size[1]).reshape(rows.shape) % 256
    if mode in ("RGBX", "LAB"):
        return Image.frombytes(mode, size, rgba[..., : 4 if mode == "RGBX" else 3].tobytes())
    if mode in ("P", "1", "YCbCr", "CMYK", "HSV", "L", "RGB"):
        return Image.fromarray(rgba[..., :3]).convert(mode)
    made = Image.fromarray(rgba)
    return made.convert("LA").convert(mode) if mode in ("La", "PA") else made.convert(mode)


def call(name, image, **more):
    more |= {"data_range": 60_000} if image.mode == "I" else {}
    return getattr(images, name)(image, **CALLS[name], rng=1, **more)


@pytest.mark.parametrize("mode", LIGHT)
@pytest.mark.parametrize("name", CALLS)
def test_type_mode_info_and_alpha_are_kept(name, mode):
    clean = picture(mode)
    clean.info["dpi"] = (72, 72)
    before = clean.tobytes()
    noisy = call(name, clean)
    assert type(noisy) is Image.Image
    assert (noisy.mode, noisy.size, noisy.info) == (clean.mode, clean.size, clean.info)
    assert clean.tobytes() == before
    one, other = np.asarray(clean), np.asarray(noisy)
    assert one.dtype == other.dtype
    if mode in ("LA", "RGBA", "RGBX"):
        np.testing.assert_array_equal(one[..., -1], other[..., -1])
        one, other = one[..., :-1], other[..., :-1]
    assert (one != other).mean() > 0.15
    noisy.putpixel((0, 0), noisy.getpixel((1, 1)))
    where = np.zeros(clean.size[::-1], bool)
    where[3:9, 4:20] = True
    masked = np.asarray(call(name, clean, where=where))
    np.testing.assert_array_equal(masked[~where], np.asarray(clean)[~where])


@pytest.mark.parametrize(
    ("mode", "way_out"),
    [("P", "RGB"), ("PA", "RGBA"), ("La", "LA"), ("RGBa", "RGBA"), ("HSV", "RGB")],
)
@pytest.mark.parametrize("name", CALLS)
def test_modes_that_cannot_take_noise_name_the_way_out(name, mode, way_out):
    image = picture(mode)
    with pytest.raises(UsageError, match=rf"got {mode}; use image.convert\('{way_out}'\)"):
        call(name, image)
    assert call(name, image.convert(way_out)).mode == way_out


def test_the_way_out_of_a_transparent_palette_keeps_its_alpha():
    image = picture("P")
    image.info["transparency"] = 3
    with pytest.raises(UsageError, match=r"image.convert\('RGBA'\)"):
        call("add_noise", image)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_transparent_colour_is_not_lost(mode):
    image = picture(mode)
    image.info["transparency"] = 7 if mode == "L" else (7, 7, 7)
    with pytest.raises(UsageError, match=r"one colour of this \w+ image is transparent"):
        call("add_noise", image)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_noise_of_light_is_refused_where_there_is_no_light(mode):
    image = picture(mode)
    assert call("add_noise", image).mode == mode
    for name in CALLS:
        if name != "add_noise":
            with pytest.raises(UsageError, match=rf"got {mode}; use image.convert\('RGB'\)"):
                call(name, image)


def test_single_bits_take_impulses_only():
    image = picture("1")
    noisy = call("add_salt_and_pepper", image)
    assert noisy.mode == "1"
    assert np.mean(np.asarray(noisy) != np.asarray(image)) == pytest.approx(0.1, abs=0.05)
    for name in CALLS:
        if name != "add_salt_and_pepper":
            with pytest.raises(UsageError, match=r"got 1; use image.convert\('L'\)"):
                call(name, image)


def test_an_unknown_mode_lists_those_that_are_taken():
    with pytest.raises(UsageError, match=r"one of the modes .*RGBA.* got LAB"):
        call("add_noise", picture("LAB"))


def test_32_bit_integers_need_their_white():
    with pytest.raises(UsageError, match="data_range=65535"):
        images.add_shot_noise(picture("I"), photons=30)
