"""The table of modes is true: every kind of pixels, from every format that holds it, to every format."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from augkit.cli import main
from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats import FORMATS
from augkit.images.options import ImageOptions
from augkit.images.table import EXACT, LOSSY, READ_AS, REFUSED, fate, fates
from augkit.noise.keys import Key
from tests.kinds import DPI, HELD, ICC, SUFFIX, XMP, held, seen, source

ROWS = {row.name: row for row in FORMATS}
CELLS = [(name, kind) for name, kinds in HELD.items() for kind in kinds]


def options(kind, target, **more):
    whole = {"data_range": 60000} if kind == "I" else {}
    return ImageOptions(format=SUFFIX[target][1:], **whole, **{"std": 0, **more})


def half_transparent(pixels):
    return pixels.ndim == 3 and pixels.shape[2] in (2, 4) and not np.isin(pixels[..., -1], (0, 255)).all()


@pytest.mark.parametrize(("name", "kind"), CELLS, ids=str)
def test_every_cell(name, kind, tmp_path):
    data = source(name, kind)
    path = tmp_path / f"source{SUFFIX[name]}"
    path.write_bytes(data)
    clean = held(name, kind)
    for target, row in ROWS.items():
        told = fate(kind, row)
        if told == REFUSED:
            with pytest.raises(InputError, match=r"source\.\w+: .*(choose one of|convert|choose another)"):
                files.open_item(path, options(kind, target))
            continue
        item = files.open_item(path, options(kind, target))
        out = tmp_path / f"out{SUFFIX[target]}"
        alpha = READ_AS[kind] in ("LA", "RGBA")
        if target == "GIF" and alpha and half_transparent(clean):
            with pytest.raises(InputError, match=r"half-transparent pixels.*choose png or webp"):
                item.write(out, Key(1), measure=True)
            continue
        outcome = item.write(out, Key(1), measure=True)
        written = out.read_bytes()
        mode = row.modes[READ_AS[kind]]
        assert outcome.format["mode"] == mode
        changed = "written as" in " ".join(outcome.notices)
        assert changed or told in (EXACT, LOSSY), f"{target}: {told} without a notice"
        if kind == READ_AS[kind] == mode:
            assert not changed, outcome.notices
        pixels = seen(target, written)
        if mode not in row.lossy or target == "GIF":
            wanted = in_gif(clean) if target == "GIF" else as_mode(clean, mode)
            np.testing.assert_array_equal(pixels, wanted, target)
            assert outcome.achieved["std"] == 0
        else:
            assert pixels.shape == as_mode(clean, mode).shape
            assert outcome.achieved["std"] > 0 or READ_AS[kind] == "L"
        keeps_or_names_metadata(name, data, target, written, outcome.notices)


def as_mode(pixels, mode):
    """Return gray samples as RGB, with their alpha, where the mode says so."""
    layout = mode.partition(";")[0]
    if layout == "RGB" and pixels.ndim == 2:
        return np.dstack([pixels] * 3)
    return np.dstack([pixels[..., :1]] * 3 + [pixels[..., 1:]]) if layout == "RGBA" and pixels.shape[2] == 2 else pixels


def in_gif(pixels):
    """Return the colours of a palette; those under transparency are not kept apart."""
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return np.where(pixels[..., 3:] > 0, pixels, [0, 0, 0, 0])
    return pixels


def metadata(name, data):
    """Return which metadata a file has: by Pillow, and by its bytes in the formats where Pillow does not look."""
    if name in ("GIF", "JPEG2000"):
        return {
            "EXIF": said_by(data.partition(b"JpgTiffExif->JP2")[2]),
            "ICC profile": ICC[:200] in data,
            "XMP": XMP in data,
            "DPI": b"resc" in data,
            "comment": b"a comment" in data,
        }
    with Image.open(io.BytesIO(data)) as image:
        info, exif = image.info, image.getexif()
        dpi = tuple(float(dots) for dots in info.get("dpi", ()))
        return {
            "EXIF": ("Maker", exif.get(0x0112, 1)) if exif.get(0x010F) == "Maker" else None,
            "ICC profile": info.get("icc_profile") == ICC,
            "XMP": bytes(info.get("xmp", b"")) == XMP,
            "DPI": len(dpi) == 2 and np.allclose(dpi, DPI, atol=0.5),
            "comment": "a comment" in str((info.get("comment"), info.get("Comment"), exif.get(270))),
        }


def said_by(block):
    exif = Image.Exif()
    exif.load(block)
    return ("Maker", exif.get(0x0112, 1)) if exif.get(0x010F) == "Maker" else None


def keeps_or_names_metadata(name, data, target, written, notices):
    """Check that each piece of metadata is there again, or named in a notice."""
    try:
        before, text = metadata(name, data), " ".join(notices)
        after = metadata(target, written)
    except Image.UnidentifiedImageError:
        return  # Pillow does not open each of these files
    for label, was_there in before.items():
        kept = not was_there or after[label] == was_there or label in text
        assert kept, f"{label} was lost without a word in {target}: {text}"


def test_the_table_covers_every_mode_and_format():
    assert [row.name for row in FORMATS] == list(HELD)
    for name, kinds in HELD.items():
        holds = ROWS[name].holds or tuple(ROWS[name].modes)
        assert set(kinds) <= set(holds), name
        assert {kind for kind in holds if kind in READ_AS} <= set(kinds), name
    every = {"1", "L", "P", "LA", "PA", "RGB", "RGBA", "RGBa", "La", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"}
    assert every <= set(READ_AS)


def test_the_table_is_printed(capsys):
    assert main(["formats", "--json"]) == 0
    images = json.loads(capsys.readouterr().out)["images"]
    assert {row["name"]: row["modes"] for row in images} == {row.name: fates(row) for row in FORMATS}
    assert main(["formats"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    grid = {line.split()[0]: line.split()[1:] for line in lines if line.partition(" ")[0] in READ_AS}
    assert set(grid) == set(READ_AS)
    assert all(len(cells) == len(FORMATS) for cells in grid.values())
