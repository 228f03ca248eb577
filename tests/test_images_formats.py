"""Every layout of pixels in every format goes through the same checks, read back by Pillow and NumPy alone."""

import io

import numpy as np
import pytest
from PIL import Image

from augkit.errors import InputError, UsageError
from augkit.images import files
from augkit.images.formats import FORMATS
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from tests.pictures import SAMPLES, Sample, encoded, image, pixels

LEVEL = 0.05
EVERY = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
PLAIN = {sample.name: sample for sample in SAMPLES}


def noised(path, target, *, seed=1, measure=True, **options):
    item = files.open_item(path, ImageOptions(**options))
    return item.write(target, Key(seed, path=(path.name,)), measure=measure), read(target)


def read(path):
    with Image.open(path) as picture:
        picture.load()
    return picture


def stored(tmp_path, sample):
    path = tmp_path / f"source{sample.suffix}"
    path.write_bytes(sample.data)
    return path


def colours(picture):
    """Return the colour samples and the alpha of a picture, as floats and bytes."""
    if picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    array = np.asarray(picture)
    if picture.mode in ("LA", "RGBA"):
        return array[..., :-1].squeeze().astype(float), array[..., -1]
    return array.astype(float), None


def source_as(mode, sample):
    """Return what an independent reader sees in the source, as colours of the output's mode."""
    picture = Image.open(io.BytesIO(sample.data))
    if sample.name == "bmp-32":  # Pillow leaves out the fourth byte, which has no name in this header
        picture = image("RGBA")
    if mode in ("LA", "RGBA") and "transparency" in picture.info and picture.mode != "P":
        picture = picture.convert("RGBA").convert(mode) if mode == "LA" else picture.convert("RGBA")
    return colours(picture)


@EVERY
def test_level_zero_writes_the_same_pixels(sample, tmp_path):
    path = stored(tmp_path, sample)
    outcome, written = noised(path, tmp_path / "out", std=0)
    before, alpha = source_as(sample.mode, sample)
    after, new_alpha = colours(written)
    assert outcome.drawn == {"std": 0.0}
    assert outcome.format["mode"] == sample.mode
    assert sample.notice in " ".join(outcome.notices)
    assert sample.notice or not outcome.notices
    if sample.lossless:
        np.testing.assert_array_equal(after, before)
        assert outcome.achieved == {"snr_db": None, "std": 0.0, "psnr_db": None, "clipped": 0.0}
    else:
        assert np.abs(after - before).mean() < 4
    if alpha is not None and sample.name != "bmp-32":
        np.testing.assert_array_equal(new_alpha, alpha)
    assert path.read_bytes() == sample.data


@EVERY
def test_noise_has_the_level_that_was_asked_for(sample, tmp_path):
    outcome, written = noised(stored(tmp_path, sample), tmp_path / "out", std=LEVEL)
    before, alpha = source_as(sample.mode, sample)
    after, new_alpha = colours(written)
    full = 65535 if written.mode == "I;16" else 255
    if alpha is not None:
        assert new_alpha is None if sample.name == "bmp-32" else (new_alpha == alpha).all()
        assert (alpha == 0).any()
        if sample.lossless:
            np.testing.assert_array_equal(after[alpha == 0], before[alpha == 0])
        before, after = before[alpha > 0], after[alpha > 0]
    std = np.sqrt(np.mean((after - before) ** 2)) / full
    snr = 10 * np.log10(np.mean(before**2) / np.mean((after - before) ** 2))
    assert outcome.achieved["std"] == pytest.approx(std, rel=1e-12)
    assert outcome.achieved["snr_db"] == pytest.approx(snr, abs=1e-9)
    touched = np.mean((after != before) & ((after == 0) | (after == full)))
    assert outcome.achieved["clipped"] == pytest.approx(touched)
    if sample.lossless and before.min() / full > 0.2 and before.max() / full < 0.8:
        # five standard errors of a standard deviation, and one of the rounding to 8 bits
        assert std == pytest.approx(LEVEL, rel=5 / np.sqrt(2 * before.size) + 0.001)
        assert abs(np.mean(after - before)) / full < 5 * LEVEL / np.sqrt(before.size)


@pytest.mark.parametrize("name", ["png-RGB", "tiff-I;16-None", "jpeg-RGB", "webp-RGBA", "bmp-RGB"])
def test_same_key_same_bytes_and_other_keys_other_noise(name, tmp_path):
    path = stored(tmp_path, PLAIN[name])
    outputs = []
    for number, seed in enumerate((1, 1, 2)):
        noised(path, tmp_path / f"{number}", seed=seed, std=LEVEL)
        outputs.append((tmp_path / f"{number}").read_bytes())
    assert outputs[0] == outputs[1] != outputs[2]


def test_an_item_writes_several_copies(tmp_path):
    item = files.open_item(stored(tmp_path, PLAIN["png-RGB"]), ImageOptions(std="0.01..0.2"))
    outcomes = [item.write(tmp_path / f"{copy}", Key(1, path=("a", copy)), measure=False) for copy in (1, 2, 3)]
    drawn = [outcome.drawn["std"] for outcome in outcomes]
    assert len(set(drawn)) == 3
    assert all(0.01 <= level <= 0.2 for level in drawn)
    for outcome in outcomes:
        assert outcome.achieved["std"] == pytest.approx(outcome.drawn["std"], rel=0.1)
        assert outcome.requested == {"std": "0.01..0.2"}


def test_values_saturate_and_never_wrap(tmp_path):
    for name, mode in (("PNG", "RGB"), ("TIFF", "I;16")):
        path = tmp_path / f"white{name}"
        full = 65535 if mode == "I;16" else 255
        flat = np.full_like(pixels(mode), full)
        path.write_bytes(encoded(Image.frombytes(mode, flat.shape[1::-1], flat.tobytes()), name))
        outcome, written = noised(path, tmp_path / "out", std=0.15)
        after = np.asarray(written).astype(float)
        half_gaussian = 0.15 * full * np.sqrt(1 / (2 * np.pi))
        assert full - after.mean() == pytest.approx(half_gaussian, rel=0.1)
        assert np.mean(after == full) == pytest.approx(0.5, abs=0.06)
        assert outcome.achieved["clipped"] == 0


def test_channels_can_share_their_noise(tmp_path):
    path = stored(tmp_path, PLAIN["png-RGBA"])
    _, shared = noised(path, tmp_path / "a", std=LEVEL, channels="shared")
    _, apart = noised(path, tmp_path / "b", std=LEVEL)
    clean = np.asarray(read(path))[..., :3].astype(int)
    seen = np.asarray(read(path))[..., 3] > 0
    noise = (np.asarray(shared)[..., :3] - clean)[seen]
    assert (noise[..., 0] == noise[..., 1]).all()
    assert (noise[..., 0] == noise[..., 2]).all()
    other = (np.asarray(apart)[..., :3] - clean)[seen]
    assert abs(np.corrcoef(other[..., 0].ravel(), other[..., 1].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("snr_db", [25, 15])
def test_snr_is_met(snr_db, tmp_path):
    outcome, _ = noised(stored(tmp_path, PLAIN["png-RGB"]), tmp_path / "out", snr_db=snr_db)
    assert outcome.achieved["snr_db"] == pytest.approx(snr_db, abs=0.5)


def test_heavy_tails_report_the_geometric_snr(tmp_path):
    outcome, _ = noised(stored(tmp_path, PLAIN["png-RGB"]), tmp_path / "out", noise="cauchy", snr_db=15)
    assert outcome.noise == "cauchy"
    assert outcome.achieved["geometric_snr_db"] == pytest.approx(15, abs=0.1)


OUTPUTS = [
    ("png-L", "tiff", "TIFF", "L", True),
    ("png-LA", "bmp", "BMP", "RGBA", True),
    ("png-LA", "webp", "WEBP", "RGBA", True),
    ("png-L", "webp", "WEBP", "RGB", True),
    ("png-RGB", "jpg", "JPEG", "RGB", False),
    ("png-RGBA", "bmp", "BMP", "RGBA", True),
    ("png-RGBA", "webp", "WEBP", "RGBA", True),
    ("png-RGBA", "tif", "TIFF", "RGBA", True),
    ("png-I;16", "tiff", "TIFF", "I;16", True),
    ("tiff-I;16-tiff_lzw", "png", "PNG", "I;16", True),
    ("tiff-CMYK-None", "jpeg", "JPEG", "CMYK", False),
    ("jpeg-RGB", "png", "PNG", "RGB", True),
    ("jpeg-L", "BMP", "BMP", "L", True),
    ("bmp-32", ".png", "PNG", "RGBA", True),
    ("webp-RGB-lossy", "png", "PNG", "RGB", True),
]


@pytest.mark.parametrize("row", OUTPUTS, ids=lambda row: f"{row[0]} to {row[1]}")
def test_other_formats_on_request(row, tmp_path):
    name, target, written_as, mode, lossless = row
    sample = PLAIN[name]
    path = stored(tmp_path, sample)
    options = ImageOptions(std=LEVEL, format=target)
    suffix = files.output_suffix(sample.suffix, options)
    assert suffix == "." + target.lower().lstrip(".")
    outcome, written = noised(path, tmp_path / f"out{suffix}", std=LEVEL, format=target)
    assert (written.format, written.mode) == (written_as, mode)
    assert outcome.format["name"] == written_as
    assert any(f"written as {mode}" in notice for notice in outcome.notices) == (mode != sample.mode)
    clean, alpha = source_as(sample.mode, sample)
    after, new_alpha = colours(written)
    if mode != sample.mode:
        assert (np.ptp(after, axis=2) == 0).all(), "gray stays gray"
        after = after[..., 0]
    seen = ... if alpha is None else alpha > 0
    noise = np.sqrt(np.mean((after - clean)[seen] ** 2)) / (65535 if mode == "I;16" else 255)
    assert noise == pytest.approx(LEVEL, rel=0.1 if lossless else 0.4)
    assert outcome.achieved["std"] == pytest.approx(noise, rel=1e-9)
    if alpha is not None:
        np.testing.assert_array_equal(new_alpha, alpha)


REFUSED_OUTPUTS = {
    "png-RGBA": ("jpg",),
    "png-LA": ("jpg",),
    "png-I;16": ("jpg", "webp", "bmp", "gif", "avif"),
    "png-RGB": ("pgm", "pfm"),
    "jpeg-CMYK": ("png", "webp"),
    "tiff-CMYK-None": ("bmp",),
}


@pytest.mark.parametrize(
    ("name", "target"), [(name, target) for name, targets in REFUSED_OUTPUTS.items() for target in targets]
)
def test_a_format_that_would_lose_something_is_refused(name, target, tmp_path):
    path = stored(tmp_path, PLAIN[name])
    with pytest.raises(InputError, match=f"{path}.*cannot hold .*choose one of the formats .*tif"):
        files.open_item(path, ImageOptions(std=LEVEL, format=target))


def test_lossy_output_is_measured_only_when_asked(tmp_path):
    path = stored(tmp_path, PLAIN["jpeg-RGB"])
    unmeasured, _ = noised(path, tmp_path / "a", std=LEVEL, measure=False)
    assert unmeasured.achieved == {"snr_db": None, "std": None, "psnr_db": None, "clipped": None}
    assert unmeasured.notices == ()
    measured, _ = noised(path, tmp_path / "b", std=LEVEL)
    kept = float(next(notice for notice in measured.notices if "kept" in notice).split("kept ")[1].split("%")[0])
    assert kept == pytest.approx(100 * measured.achieved["std"] / LEVEL, abs=3)


def test_the_content_decides_and_not_the_name(tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(image("RGBA"), "PNG"))
    outcome, written = noised(path, tmp_path / "out", std=LEVEL)
    assert written.format == "PNG"
    assert "a PNG file named .jpg" in outcome.notices[0]
    assert files.output_suffix(".jpg", ImageOptions(std=LEVEL)) == ".jpg"


def test_compare_measures_what_was_added(tmp_path):
    path = stored(tmp_path, PLAIN["png-RGBA"])
    outcome, _ = noised(path, tmp_path / "out.png", std=LEVEL)
    assert files.compare(path, tmp_path / "out.png") == outcome.achieved
    gray = stored(tmp_path, Sample("", ".tif", PLAIN["tiff-L-None"].data, "L"))
    with pytest.raises(InputError, match=r"expected RGBA 67 x 41 .* got L 67 x 41"):
        files.compare(path, gray)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"std": 25}, "25/255"),
        ({"scale": "0.1..8"}, "8/255"),
        ({"std": "0.1sd"}, "'sd' is for series"),
        ({"std": 0.1, "quality": 0}, "1 to 100"),
        ({"std": 0.1, "format": "tif1"}, "did you mean 'tif'"),
        ({"std": 0.1, "snr_db": 10}, "exactly one"),
        ({}, "exactly one"),
        ({"noise": "cauchy", "std": 0.1}, "no finite variance"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        ImageOptions(**options).level()


def test_the_table_says_what_it_does():
    rows = files.formats()
    assert [row.name for row in rows] == [row.name for row in FORMATS]
    assert all(row.keeps and row.limits and row.suffixes for row in rows)
    assert {sample.suffix for sample in SAMPLES} <= set(files.suffixes())
    assert len(set(files.suffixes())) == len(files.suffixes())
