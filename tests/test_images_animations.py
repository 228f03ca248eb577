"""Animations: every frame gets its noise, and durations, loops, transparency and comments stay."""

import io
import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats.avif_boxes import read_layout, with_loops
from augkit.images.formats.gif_blocks import read_blocks
from augkit.images.formats.riff import animation, read_chunks
from augkit.images.options import ImageOptions
from augkit.noise.keys import Key
from tests.pictures import encoded, pixels

DURATIONS = [100, 40, 250, 70]
SIZE = (23, 31)
TARGETS = ("gif", "webp", "png", "avif")


def frames(count=4, mode="RGB"):
    return [Image.frombytes(mode, SIZE[::-1], pixels(mode, size=SIZE, seed=seed).tobytes()) for seed in range(count)]


def animated(name, images, *, durations=DURATIONS, loop=0, **parameters):
    lossless = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}.get(
        name, {}
    )
    parameters = lossless | parameters
    return encoded(
        images[0], name, save_all=True, append_images=images[1:], duration=durations, loop=loop, **parameters
    )


def run(tmp_path, data, suffix, **options):
    source, target = tmp_path / f"source{suffix}", tmp_path / "out"
    source.write_bytes(data)
    item = files.open_item(source, ImageOptions(**{"std": 0, **options}))
    return item.write(target, Key(5), measure=True), target.read_bytes()


def played(data):
    """Return all frames as RGBA, their durations, and the loops as Pillow tells them."""
    with Image.open(io.BytesIO(data)) as image:
        shown, durations = [], []
        for frame in ImageSequence.Iterator(image):
            shown.append(np.asarray(frame.convert("RGBA")))
            durations.append(frame.info.get("duration", 0))
        return np.stack(shown), durations, image.info.get("loop")


def palettes(count=4):
    """Return small pictures of few colours each."""
    return [image.quantize(40) for image in frames(count)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", ["GIF", "WEBP", "PNG", "AVIF"])
def test_frames_and_timing_go_everywhere(source, target, tmp_path):
    data = animated(source, palettes() if source == "GIF" else frames())
    outcome, written = run(tmp_path, data, "." + source.lower(), format=target)
    before, _, _ = played(data)
    after, kept, _ = played(written)
    assert outcome.format["frames"] == len(DURATIONS)
    assert kept == DURATIONS
    assert before.shape == after.shape
    if target == "avif":
        assert np.abs(after.astype(int) - before).mean() < 3
    elif target == "gif" and source != "GIF":
        assert any("reduced to 256 a frame" in notice for notice in outcome.notices)
        assert np.abs(after.astype(int) - before).mean() < 5
    else:
        np.testing.assert_array_equal(after, before)
        assert outcome.achieved["std"] == 0
    assert not any("durations" in notice for notice in outcome.notices)


@pytest.mark.parametrize("target", ["gif", "webp", "png", "avif"])
@pytest.mark.parametrize("loop", [0, 1, 3])
def test_loops_mean_the_same_everywhere(target, loop, tmp_path):
    """A GIF counts repetitions, the others count plays."""
    data = animated("WEBP", frames(2), durations=[100, 50], loop=loop)
    _, written = run(tmp_path, data, ".webp", format=target)
    _, back = run(tmp_path, written, f".{target}", format="webp")
    assert played(back)[2] == loop
    if target == "gif":
        assert played(written)[2] == {0: 0, 1: None, 3: 2}[loop]
    if target == "png":
        assert played(written)[2] == loop


def test_each_frame_has_noise_of_its_own_or_the_same(tmp_path):
    gray = [Image.new("L", (40, 30), 120)] * 3
    data = animated("WEBP", [image.convert("RGB") for image in gray], durations=[100, 90, 80])
    # the encoder of the source joins equal frames; the one under test never does
    assert len(played(data)[0]) == 1
    data = animated("PNG", [Image.new("RGB", (40, 30), (120, 120, value)) for value in (120, 121, 122)], durations=50)
    for how, alike in (("own", False), ("shared", True)):
        for target in ("webp", "png", "gif", "avif"):
            outcome, written = run(tmp_path, data, ".png", std=0.05, format=target, frames=how)
            noise = played(written)[0][..., :2].astype(int) - 120
            assert outcome.format["frames"] == 3
            assert noise[0].std() == pytest.approx(0.05 * 255, rel=0.35)
            between = np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]
            assert between > 0.6 if alike else abs(between) < 0.15


@pytest.mark.parametrize("law", ["gaussian", "cauchy"])
@pytest.mark.parametrize("name", ["PNG", "GIF", "TIFF"])
def test_the_snr_is_that_of_the_whole_file(name, law, tmp_path):
    """All frames get noise of one level: a black one too, which has no SNR of its own."""
    stills = [Image.new("L", (40, 50), value) for value in (0, 60, 180)]
    clean = np.stack([np.asarray(still) for still in stills]).astype(float)
    options = {} if name == "TIFF" else {"duration": 50}
    data = encoded(stills[0], name, save_all=True, append_images=stills[1:], **options)
    outcome, written = run(tmp_path, data, f".{name.lower()}", std=None, snr_db=30, noise=law)
    noise = played(written)[0][..., 0] - clean
    spread = np.median(abs(noise), axis=(1, 2))
    assert spread[1] == pytest.approx(spread[2], abs=1)
    assert (noise[0] > 0).mean() == pytest.approx(0.46, abs=0.05)
    if law == "cauchy":
        assert outcome.achieved["geometric_snr_db"] == pytest.approx(30, abs=0.1)
    else:
        assert 10 * np.log10(np.mean(clean**2) / np.mean(noise[1:] ** 2)) == pytest.approx(30, abs=0.2)


def test_frames_that_are_all_black_have_no_snr(tmp_path):
    stills = [Image.new("RGB", (9, 9))] * 2
    with pytest.raises(InputError, match=r"source\.png: the signal is silent"):
        run(tmp_path, animated("TIFF", stills, durations=None), ".png", std=None, snr_db=30)


def test_equal_frames_stay_frames(tmp_path):
    """Encoders like to join equal frames and to add up their durations."""
    plain = [Image.new("RGB", (20, 10), colour).quantize(2) for colour in ("red", "blue")]
    blocks = animated("GIF", plain, durations=[30, 40])
    first = read_blocks(blocks)
    assert len(first.frames) == 2
    place = blocks.index(b"!\xf9")
    doubled = blocks[:place] + blocks[place:-1] * 2 + b";"
    for target in TARGETS:
        outcome, written = run(tmp_path, doubled, ".gif", format=target)
        shown, durations, _ = played(written)
        assert (len(shown), durations) == (4, [30, 40, 30, 40]), target
        assert outcome.format["frames"] == 4


@st.composite
def patched_gif(draw):
    """Return a GIF whose frames cover parts of the canvas, with any disposal, transparency and palette."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 9))
    shared = draw(st.booleans())
    colours = rng.integers(0, 256, (2 if shared else 1, 48), dtype=np.uint8)
    head = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0x80 | 3 if shared else 0, 0, 0)
    parts = [head, colours[0].tobytes() if shared else b"", b"!\xfe\5hello\0"]
    for _ in range(draw(st.integers(1, 4))):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        wide, high = draw(st.integers(1, width - left)), draw(st.integers(1, height - top))
        clear = draw(st.sampled_from([None, 0, 5]))
        disposal = draw(st.integers(0, 3))
        parts.append(struct.pack("<BBBBHBB", 0x21, 0xF9, 4, disposal << 2 | (clear is not None), 7, clear or 0, 0))
        image = Image.frombytes("P", (wide, high), rng.integers(0, 16, wide * high, dtype=np.uint8).tobytes())
        own = rng.integers(0, 256, 48, dtype=np.uint8)
        image.putpalette(own.tobytes())
        coded = read_blocks(encoded(image, "GIF", interlace=draw(st.integers(0, 1)), optimize=False)).frames[0]
        flags = (0x40 if coded.interlaced else 0) | (0 if shared else 0x80 | 3)
        parts.append(struct.pack("<BHHHHB", 0x2C, left, top, wide, high, flags))
        parts += [b"" if shared else own.tobytes(), coded.indices]
    return b"".join((*parts, b";"))


def as_browsers_show(data):
    """Return all frames as RGBA by GIF89a, with what is cleared transparent; Pillow only undoes the compression."""
    blocks = read_blocks(data)
    canvas = np.zeros((blocks.size[1], blocks.size[0], 4), np.uint8)
    frames = []
    for shown in blocks.frames:
        left, top, right, bottom = shown.box
        before = canvas.copy()
        with Image.open(io.BytesIO(shown.alone())) as image:
            for row, column in itertools.product(range(bottom - top), range(right - left)):
                index = image.getpixel((column, row))
                if index != shown.transparent:
                    canvas[top + row, left + column] = (*shown.palette[3 * index :][:3], 255)
        frames.append(canvas.copy())
        if shown.disposal == 2:
            canvas[top:bottom, left:right] = 0
        elif shown.disposal == 3:
            canvas = before
    return np.stack(frames)


@settings(max_examples=60, deadline=None)
@given(data=patched_gif(), target=st.sampled_from(["gif", "webp", "png"]))
def test_patches_are_put_together_as_browsers_show_them(data, target, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gif")
    outcome, written = run(folder, data, ".gif", format=target)
    before, after = as_browsers_show(data), played(written)[0]
    assert before.shape == after.shape
    seen = before[..., 3] > 0
    np.testing.assert_array_equal(after[..., 3], before[..., 3])
    np.testing.assert_array_equal(after[seen], before[seen])
    assert outcome.achieved["std"] in (0, None)


def test_gif_keeps_gray_noise_exactly_and_says_what_the_palette_took(tmp_path):
    rng = np.random.default_rng(0)
    gray = [Image.fromarray(rng.integers(60, 190, (40, 50), np.uint8)) for _ in range(2)]
    outcome, written = run(tmp_path, animated("GIF", gray, durations=[50, 60]), ".gif", std=0.05)
    assert outcome.notices == ()
    assert outcome.achieved["std"] == pytest.approx(0.05, rel=0.06)
    noise = played(written)[0][..., 0].astype(float) - played(animated("GIF", gray, durations=[50, 60]))[0][..., 0]
    assert outcome.achieved["std"] == pytest.approx(noise.std() / 255, rel=1e-3)
    data = animated("GIF", palettes(2), durations=[50, 60])
    outcome, written = run(tmp_path, data, ".gif", std=0.05)
    told = [notice for notice in outcome.notices if "kept" in notice]
    noise = (played(written)[0].astype(float) - played(data)[0])[..., :3]
    assert told
    assert outcome.achieved["std"] == pytest.approx(np.sqrt(np.mean(noise**2)) / 255, rel=1e-9)
    assert "reduced to 256 a frame" in outcome.notices[0]


def test_gif_keeps_comments_profiles_and_single_frames(tmp_path):
    data = animated("GIF", palettes(1), durations=[90], comment=b"first\nsecond")
    extra = b"!\xff\x0bICCRGBG1012\3abc\0!\xff\x0bOTHER APP10\2xy\0"
    place = data.index(b",", data.index(b"!\xf9"))
    data = data[:place] + extra + data[place:]
    outcome, written = run(tmp_path, data, ".gif", std=0.05)
    blocks = read_blocks(written)
    assert blocks.comments == (b"first\nsecond",)
    assert blocks.icc == b"abc"
    assert b"OTHER APP10\2xy\0" in written
    assert [shown.delay for shown in blocks.frames] == [9]
    outcome, written = run(tmp_path, data, ".gif", format="webp")
    assert "not kept in WEBP: comment" in outcome.notices


def test_webp_keeps_how_each_frame_was_coded_and_the_background(tmp_path):
    still = [encoded(image, "WEBP", lossless=number % 2 == 0) for number, image in enumerate(frames(4))]
    chunks = [dict(read_chunks(one)[0]) for one in still]
    body = b"VP8X" + struct.pack("<LL", 10, 2) + b"".join((side - 1).to_bytes(3, "little") for side in SIZE[::-1])
    body += b"ANIM" + struct.pack("<L4sH", 6, b"\1\2\3\4", 5)
    for number, one in enumerate(chunks):
        kind = b"VP8L" if b"VP8L" in one else b"VP8 "
        coded = kind + struct.pack("<L", len(one[kind])) + one[kind] + bytes(len(one[kind]) % 2)
        frame = bytes(6) + b"".join((s - 1).to_bytes(3, "little") for s in SIZE[::-1])
        frame += (40 + number).to_bytes(3, "little") + b"\2" + coded
        body += b"ANMF" + struct.pack("<L", len(frame)) + frame
    data = b"RIFF" + struct.pack("<L", len(body) + 4) + b"WEBP" + body
    outcome, written = run(tmp_path, data, ".webp", std=0.03)
    moving = animation(read_chunks(written)[0])
    assert moving.lossless == (True, False, True, False)
    assert moving.background == b"\1\2\3\4"
    assert moving.loops == 5
    assert moving.durations == (40, 41, 42, 43)
    assert any("quality 90" in notice for notice in outcome.notices)


def test_alpha_of_animations_is_exact(tmp_path):
    clear = frames(3, "RGBA")
    for source, target in itertools.product(("WEBP", "PNG"), ("webp", "png", "avif")):
        data = animated(source, clear, durations=[50, 60, 70])
        outcome, written = run(tmp_path, data, f".{source.lower()}", std=0.05, format=target)
        before, after = played(data)[0], played(written)[0]
        np.testing.assert_array_equal(after[..., 3], before[..., 3])
        hidden = before[..., 3] == 0
        if target != "avif":
            np.testing.assert_array_equal(after[hidden], before[hidden])
            assert outcome.achieved["std"] == pytest.approx(0.05, rel=0.05)


def test_animations_to_what_holds_none(tmp_path):
    data = animated("GIF", palettes())
    with pytest.raises(
        InputError, match=r"source\.gif: JPEG holds one frame, so 3 of 4 would be lost; .* png, gif, webp"
    ):
        run(tmp_path, data, ".gif", format="jpg")
    outcome, written = run(tmp_path, data, ".gif", format="tif")
    assert "not kept in TIFF: durations and loops of the animation" in outcome.notices
    np.testing.assert_array_equal(played(written)[0], played(data)[0])
    with pytest.raises(InputError, match=r"4 pages are no animation.*choose one of the formats tif"):
        run(tmp_path, written, ".tif", format="webp")


def test_durations_that_a_format_cannot_hold_are_told(tmp_path):
    data = animated("WEBP", frames(2), durations=[33, 40])
    outcome, written = run(tmp_path, data, ".webp", format="gif")
    assert "durations rounded to steps of 10 ms, for GIF has no finer ones" in outcome.notices
    assert played(written)[1] == [30, 40]


@pytest.mark.parametrize("suffix", TARGETS)
def test_bombs_of_many_frames_are_refused_before_they_are_decoded(suffix, tmp_path):
    name = {"gif": "GIF", "webp": "WEBP", "png": "PNG", "avif": "AVIF"}[suffix]
    data = animated(name, palettes() if name == "GIF" else frames())
    area = SIZE[0] * SIZE[1]
    with pytest.raises(InputError, match=rf"at most {3 * area:,} pixels, got 4 frames of 31 x 23 = {4 * area:,}"):
        run(tmp_path, data, f".{suffix}", max_pixels=3 * area)
    assert run(tmp_path, data, f".{suffix}", max_pixels=4 * area)


def test_avif_names_colours_that_are_lost(tmp_path):
    data = encoded(frames(1)[0], "AVIF")
    place = data.index(b"nclx") + 4
    data = data[:place] + struct.pack(">HH", 9, 16) + data[place + 4 :]
    outcome, _ = run(tmp_path, data, ".avif", std=0.05)
    assert "not kept: colour primaries 9 and transfer function 16 (of ITU-T H.273)" in outcome.notices


def test_avif_names_what_else_is_said_of_the_picture(tmp_path):
    for data in (encoded(frames(1, "RGBA")[0], "AVIF"), animated("AVIF", frames(2), durations=[100, 100])):
        assert not read_layout(data).others
        outcome, _ = run(tmp_path, data.replace(b"pixi", b"clli"), ".avif", std=0.05)
        assert "not kept: box 'clli'" in outcome.notices
    depth = encoded(frames(1, "RGBA")[0], "AVIF").replace(b"auxiliary:alpha", b"auxiliary:depth")
    with pytest.raises(InputError, match=r"another picture beside it .urn:.*:depth., which would be lost"):
        run(tmp_path, depth, ".avif")


def test_avif_of_broken_exif_makes_no_noise_of_another_kind(tmp_path, recwarn):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    data = encoded(frames(1)[0], "AVIF", exif=exif.tobytes())
    place = data.index(struct.pack(">HHL", 0x010E, 2, 14)) + 4
    recwarn.clear()
    outcome, _ = run(tmp_path, data[:place] + struct.pack(">L", 65535) + data[place + 4 :], ".avif", std=0.05)
    assert outcome.format["name"] == "AVIF"
    assert not recwarn.list


def test_avif_plays_as_often_as_it_can_say():
    data = animated("AVIF", frames(2), durations=[100, 100])
    assert read_layout(with_loops(data, 3)).loops == 3
    assert read_layout(with_loops(data, 2**62)).loops > 2**40


def test_avif_says_nothing_of_when_it_was_made(tmp_path):
    _, written = run(tmp_path, animated("PNG", frames(2), durations=50), ".png", format="avif")
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        place = written.index(kind) + 4
        assert written[place + 4 : place + 20] == bytes(16)
