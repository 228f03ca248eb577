"""Animated PNG: all frames as they are shown, their times, and how often; noise of its own on each."""

import io
import struct
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from augkit.errors import InputError
from augkit.images import files
from augkit.images.formats.png import decode, encode
from augkit.images.options import ImageOptions
from augkit.images.picture import Frame, Picture, Timing
from augkit.noise.keys import Key
from tests.pictures import chunk
from tests.png_files import GRAY, GRAY_ALPHA, PALETTE, RGB, RGB_ALPHA, animation, chunks, header, png, samples
from tests.test_images_png import NO_BOUND, assert_clean

CANVAS = (11, 8)
CLEARED, RESTORED = 1, 2
OVER = 1
KINDS = {GRAY: (1, False), RGB: (3, False), GRAY_ALPHA: (1, True), RGB_ALPHA: (3, True)}


def split(values, colour, full):
    """Return colours of shape (H, W, C) and alpha as Python integers."""
    channels, has_alpha = KINDS[colour]
    alpha = values[..., -1] if has_alpha else np.full(values.shape[:2], full)
    return values[..., :channels].astype(object), alpha.astype(object)


def over(upper, alpha, lower, below, full):
    """Return one pixel over another, in exact fractions, rounded to the nearest at the end."""
    total = Fraction(alpha, full) + Fraction(below, full) * (1 - Fraction(alpha, full))
    if not total:
        return lower, 0
    share = Fraction(alpha, full) / total
    mixed = [share * one + (1 - share) * other for one, other in zip(upper, lower, strict=True)]
    return [int(value + Fraction(1, 2)) for value in mixed], int(total * full + Fraction(1, 2))


def as_shown(frames, colour, full):
    """Return colours and alpha of the canvas at each frame, by the letter of the specification, pixel by pixel."""
    shape = (CANVAS[1], CANVAS[0])
    canvas, mask = np.zeros((*shape, KINDS[colour][0]), object), np.zeros(shape, object)
    shown = []
    for values, options in frames:
        before = canvas.copy(), mask.copy()
        left, top = options["place"]
        upper, alpha = split(values, colour, full)
        for y, x in np.ndindex(alpha.shape):
            place = top + y, left + x
            if options["blend"] == OVER:
                canvas[place], mask[place] = over(upper[y, x], alpha[y, x], canvas[place], mask[place], full)
            else:
                canvas[place], mask[place] = upper[y, x], alpha[y, x]
        shown.append((canvas.copy(), mask.copy()))
        if options["dispose"] == CLEARED:
            rows, columns = slice(top, top + alpha.shape[0]), slice(left, left + alpha.shape[1])
            canvas[rows, columns], mask[rows, columns] = 0, 0
        elif options["dispose"] == RESTORED:
            canvas, mask = before
    return shown


@st.composite
def layers(draw, colour, bits, hidden):
    """Return frames at any place, of any size, with any way to dispose and to blend."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    made = []
    for number in range(draw(st.integers(1, 4))):
        left, top, size = 0, 0, CANVAS
        if number or hidden:
            left, top = draw(st.integers(0, CANVAS[0] - 1)), draw(st.integers(0, CANVAS[1] - 1))
            size = draw(st.integers(1, CANVAS[0] - left)), draw(st.integers(1, CANVAS[1] - top))
        values = samples(rng, size, colour, bits)
        if KINDS[colour][1]:
            full = 2**bits - 1
            values[..., -1] = rng.choice([0, 1, full // 3, full - 1, full], values.shape[:2])
        options = {"place": (left, top), "dispose": draw(st.integers(0, 2)), "blend": draw(st.integers(0, 1))}
        made.append((values, options))
    return made


@pytest.mark.parametrize(("colour", "bits"), [(RGB_ALPHA, 8), (RGB, 8), (GRAY_ALPHA, 16), (GRAY, 16), (RGB_ALPHA, 16)])
@pytest.mark.parametrize("hidden", [False, True])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_frames_are_composed_as_the_specification_says(colour, bits, hidden, data):
    frames = data.draw(layers(colour, bits, hidden))
    full = 2**bits - 1
    still = samples(np.random.default_rng(1), CANVAS, colour, bits) if hidden else None
    picture = decode(animation(CANVAS, bits, colour, frames, hidden=still), NO_BOUND)
    expected = as_shown(frames, colour, full)
    assert picture.timing.hidden == hidden
    shown = picture.frames[hidden:]
    assert len(shown) == len(expected)
    for frame, (canvas, mask) in zip(shown, expected, strict=True):
        visible = mask.astype(int) > 0
        colours = frame.colour.reshape(*visible.shape, -1)
        np.testing.assert_array_equal(colours[visible], canvas.astype(int)[visible])
        if frame.alpha is None:
            assert (mask == full).all()
        else:
            np.testing.assert_array_equal(frame.alpha, mask.astype(int))
    if hidden:
        np.testing.assert_array_equal(
            picture.first.colour.reshape((*still.shape[:2], -1)), split(still, colour, full)[0]
        )
    assert len({frame.mode for frame in picture.frames}) == 1
    again = decode(encode(picture, None).data, NO_BOUND)
    assert same(again, picture)


def same(one, other):
    pairs = zip(one.frames, other.frames, strict=True)
    return one.timing == other.timing and all(
        np.array_equal(a.colour, b.colour)
        and (b.alpha is None if a.alpha is None else np.array_equal(a.alpha, b.alpha))
        for a, b in pairs
    )


def moving(mode="RGB", count=4, **options):
    """Return an animation that Pillow writes, and its frames."""
    rng = np.random.default_rng(count)
    base = rng.integers(0, 256, (30, 40, len(mode)), dtype=np.uint8)
    images = []
    for number in range(count):
        array = base.copy()
        array[number : number + 9, 5:20] = rng.integers(0, 256, (9, 15, len(mode)))
        if mode == "RGBA":
            array[..., 3] = np.where(array[..., 3] > 128, 255, 0)
        images.append(Image.fromarray(array.squeeze()))
    buffer = io.BytesIO()
    parameters = {"duration": [100, 33, 20, 70][:count], "loop": 3, **options}
    images[0].save(buffer, "PNG", save_all=True, append_images=images[1:], **parameters)
    return buffer.getvalue(), [np.asarray(image) for image in images]


def frames_by_pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        found = []
        for number in range(image.n_frames):
            image.seek(number)
            found.append((np.asarray(image), image.info.get("duration")))
        return found, image.info.get("loop")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("default_image", [False, True])
def test_others_see_the_same_frames_at_level_zero(mode, default_image, tmp_path):
    data, arrays = moving(mode, default_image=default_image)
    path = tmp_path / "moving.png"
    path.write_bytes(data)
    outcome = files.open_item(path, ImageOptions(std=0)).write(tmp_path / "out.png", Key(1), measure=True)
    written = (tmp_path / "out.png").read_bytes()
    assert_clean(written, tmp_path)
    assert outcome.achieved["std"] == 0
    assert outcome.format["frames"] == 4
    before, after = frames_by_pillow(data), frames_by_pillow(written)
    assert before[1] == after[1] == 3
    for array, (one, shown), (other, still_shown) in zip(arrays, before[0], after[0], strict=True):
        visible = array[..., 3] > 0 if mode == "RGBA" else np.ones(array.shape[:2], bool)
        np.testing.assert_array_equal(other[visible], array[visible])
        np.testing.assert_array_equal(one[visible], other[visible])
        assert shown == still_shown
    read, seen = cv2.imdecodeanimation(np.frombuffer(written, np.uint8))
    assert read
    assert len(seen.frames) == 4 - default_image
    for array, frame in zip(arrays[default_image:], seen.frames, strict=True):
        visible = array[..., -1:] > 0 if mode == "RGBA" else 1
        np.testing.assert_array_equal(frame[..., 2::-1] * visible, array[..., :3] * visible)


def test_every_frame_gets_noise_of_its_own(tmp_path):
    still = np.full((30, 40, 3), 120, int)
    data = animation((40, 30), 8, RGB, [(still, {}), (still, {}), (still, {})], hidden=still)
    path = tmp_path / "moving.png"
    path.write_bytes(data)
    noises = {}
    for share in ("own", "shared"):
        item = files.open_item(path, ImageOptions(std=0.1, frames=share))
        outcome = item.write(tmp_path / "out.png", Key(1), measure=True)
        frames = decode((tmp_path / "out.png").read_bytes(), NO_BOUND).frames
        noises[share] = [frame.colour.astype(int) - 120 for frame in frames]
        assert len(frames) == 4
        for noise in noises[share]:
            assert noise.std() / 255 == pytest.approx(0.1, rel=5 / np.sqrt(2 * noise.size) + 0.005)
        assert outcome.achieved["std"] == pytest.approx(0.1, rel=0.02)
    for number, noise in enumerate(noises["own"]):
        for other in noises["own"][:number]:
            assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.1
    assert all(np.array_equal(noise, noises["shared"][0]) for noise in noises["shared"])
    assert np.array_equal(noises["own"][0], noises["shared"][0])


def test_times_and_chunks_are_kept_as_stored(tmp_path):
    values = samples(np.random.default_rng(2), CANVAS, RGB, 8)
    delays = [(1, 30), (7, 0), (0, 100), (65535, 65535)]
    data = animation(CANVAS, 8, RGB, [(values, {"delay": delay}) for delay in delays], plays=2**31 - 1)
    picture = decode(data, NO_BOUND)
    assert picture.timing == Timing((pytest.approx(1000 / 30), 70.0, 0.0, 1000.0), 2**31 - 1)
    found = chunks(encode(picture, None).data)
    controls = [content for kind, content in found if kind == b"fcTL"]
    assert [struct.unpack_from(">HH", content, 20) for content in controls] == delays
    assert [content[24:] for content in controls] == [b"\0\0"] * 4, "whole frames that replace each other"
    assert (b"acTL", struct.pack(">II", 4, 2**31 - 1)) in found
    numbers = [struct.unpack(">I", content[:4])[0] for kind, content in found if kind in (b"fcTL", b"fdAT")]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize(
    ("milliseconds", "stored", "exact"),
    [(100.0, (1, 10), True), (1000 / 30, (1, 30), True), (0.0, (0, 1), True), (12.5, (1, 80), True),
     (70_000.0, (70, 1), True), (60_001_300.0, (60001, 1), False), (1e9, (65535, 1), False)],
)  # fmt: skip
def test_times_of_other_formats_become_fractions(milliseconds, stored, exact):
    frame = Frame(np.zeros((2, 2), np.uint8))
    encoded = encode(Picture((frame, frame), "GIF", timing=Timing((milliseconds, 100.0), 5)), None)
    control = next(content for kind, content in chunks(encoded.data) if kind == b"fcTL")
    assert struct.unpack_from(">HH", control, 20) == stored
    assert encoded.notices == (() if exact else ("durations rounded to what PNG can hold",))


@pytest.mark.parametrize("name", ["GIF", "WEBP"])
def test_animations_of_other_formats_become_png(name, tmp_path):
    _, arrays = moving("RGB")
    images = [Image.fromarray(array // 64 * 64) for array in arrays]
    buffer = io.BytesIO()
    parameters = {"lossless": True} if name == "WEBP" else {}
    images[0].save(
        buffer, name, save_all=True, append_images=images[1:], duration=[100, 30, 20, 70], loop=3, **parameters
    )
    path = tmp_path / f"moving.{name.lower()}"
    path.write_bytes(buffer.getvalue())
    files.open_item(path, ImageOptions(std=0, format="png")).write(tmp_path / "out.png", Key(1), measure=False)
    found, loops = frames_by_pillow((tmp_path / "out.png").read_bytes())
    with Image.open(path) as source:
        for number, (array, duration) in enumerate(found):
            source.seek(number)
            np.testing.assert_array_equal(array[..., :3], np.asarray(source.convert("RGB")))
            assert duration == [100, 30, 20, 70][number]
    assert loops == {"GIF": 4, "WEBP": 3}[name], "GIF counts how often it is repeated"


def test_palettes_and_colour_keys_take_part(tmp_path):
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, (4, 3), dtype=np.uint8)
    before = chunk(b"PLTE", palette.tobytes()) + chunk(b"tRNS", b"\xff\x00")
    first, second = samples(rng, CANVAS, PALETTE, 2), samples(rng, (5, 4), PALETTE, 2)
    data = animation(CANVAS, 2, PALETTE, [(first, {}), (second, {"place": (3, 2), "blend": 1})], before=before)
    picture = decode(data, NO_BOUND)
    laid = first[..., 0].copy()
    laid[2:6, 3:8] = np.where(second[..., 0] == 1, laid[2:6, 3:8], second[..., 0])
    np.testing.assert_array_equal(picture.frames[1].alpha, np.where(laid == 1, 0, 255))
    np.testing.assert_array_equal(picture.frames[1].colour[laid != 1], palette[laid[laid != 1]])
    assert picture.notices == (
        "frames of an animation written whole, as they are shown",
        "palette image written as RGBA: noise belongs on colours, not on indices",
    )


def test_one_frame_stays_an_animation(tmp_path):
    values = samples(np.random.default_rng(4), CANVAS, RGB, 8)
    for hidden in (None, values):
        picture = decode(animation(CANVAS, 8, RGB, [(values, {})], hidden=hidden, plays=1), NO_BOUND)
        kinds = [kind for kind, _ in chunks(encode(picture, None).data)]
        assert kinds.count(b"fcTL") == kinds.count(b"acTL") == 1
        assert len(picture.frames) == 1 + (hidden is not None)


def test_a_still_picture_before_the_animation_is_named_where_it_is_lost(tmp_path):
    values = samples(np.random.default_rng(5), CANVAS, RGB, 8)
    path = tmp_path / "moving.png"
    path.write_bytes(animation(CANVAS, 8, RGB, [(values, {}), (255 - values, {})], hidden=0 * values))
    item = files.open_item(path, ImageOptions(std=0, format="webp"))
    assert any("the still picture before the animation" in notice for notice in item.notices)
    assert len(item.picture.frames) == 2
    np.testing.assert_array_equal(item.picture.first.colour, values)
    with pytest.raises(InputError, match="holds one frame"):
        files.open_item(path, ImageOptions(std=0, format="jpg"))


def test_pages_are_no_animation(tmp_path):
    buffer = io.BytesIO()
    images = [Image.new("L", (9, 9), shade) for shade in (0, 100)]
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:])
    path = tmp_path / "pages.tif"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="2 pages are no animation, which is all that PNG holds"):
        files.open_item(path, ImageOptions(std=0, format="png"))


def frames_of(count, **options):
    values = samples(np.random.default_rng(6), CANVAS, RGB, 8)
    return [(values, options if number == count - 1 else {}) for number in range(count)]


def with_number(data, kind, content):
    """Return the file with other content in the last chunk of a kind."""
    place = data.rindex(kind)
    length = struct.unpack_from(">I", data, place - 4)[0]
    return data[: place - 4] + chunk(kind, content(data[place + 4 : place + 4 + length])) + data[place + 8 + length :]


def without(data, kind):
    place = data.rindex(kind)
    return data[: place - 4] + data[place + 8 + struct.unpack_from(">I", data, place - 4)[0] :]


GOOD = animation(CANVAS, 8, RGB, frames_of(3))
STILL = png(samples(np.random.default_rng(7), CANVAS, RGB, 8), 8, RGB)
BROKEN = {
    "no frames": (animation(CANVAS, 8, RGB, frames_of(3), count=0), "an animation of no frames"),
    "too many announced": (animation(CANVAS, 8, RGB, frames_of(3), count=2**31), "2147483648 frames, and holds 3"),
    "too few announced": (animation(CANVAS, 8, RGB, frames_of(3), count=2), "2 frames, and holds 3"),
    "beyond the canvas": (animation(CANVAS, 8, RGB, frames_of(2, place=(1, 0))), "does not fit the canvas"),
    "no size": (with_number(GOOD, b"fcTL", lambda old: old[:4] + bytes(8) + old[12:]), "a frame of 0 x 0"),
    "wrapping place": (with_number(GOOD, b"fcTL", lambda old: old[:12] + b"\xff" * 8 + old[20:]), "does not fit"),
    "unknown disposal": (animation(CANVAS, 8, RGB, frames_of(2, dispose=3)), "dispose of a frame .3."),
    "unknown blend": (animation(CANVAS, 8, RGB, frames_of(2, blend=2)), "blend it .2."),
    "short control": (with_number(GOOD, b"fcTL", lambda old: old[:-1]), "should have 26 bytes, got 25"),
    "short announcement": (with_number(GOOD, b"acTL", lambda old: old[:-1]), "should have 8 bytes"),
    "wrong order": (with_number(GOOD, b"fdAT", lambda old: b"\0\0\0\1" + old[4:]), "frames are out of order"),
    "empty piece": (with_number(GOOD, b"fdAT", lambda _: b""), "frames are out of order"),
    "missing piece": (without(GOOD, b"fdAT"), "image data end early"),
    "missing control": (without(GOOD, b"fcTL"), "frames are out of order"),
    "not announced": (without(GOOD, b"acTL"), "chunks of an animation stand in a file that says it is none"),
    "no data": (without(without(GOOD, b"fdAT"), b"fdAT"), "a frame holds no image data"),
    "first frame smaller": (GOOD.replace(header(CANVAS, 8, RGB), header((12, 8), 8, RGB)), "the canvas of 12 x 8"),
    "announced behind": (STILL[:-12] + chunk(b"acTL", struct.pack(">II", 1, 0)) + STILL[-12:], "acTL.* stands behind"),
    "data without control": (
        STILL[:33] + chunk(b"acTL", struct.pack(">II", 1, 0)) + STILL[33:-12] + chunk(b"fdAT", bytes(4)) + STILL[-12:],
        "follow no frame control",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_animations_that_contradict_themselves_are_refused(name, tmp_path):
    data, message = BROKEN[name]
    path = tmp_path / "broken.png"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"broken.png: .*{message}"):
        files.open_item(path, ImageOptions(std=0.1))


def test_the_cap_counts_the_pixels_of_all_frames():
    pixels = 3 * CANVAS[0] * CANVAS[1]
    assert len(decode(GOOD, pixels).frames) == 3
    with pytest.raises(InputError, match=f"at most {pixels - 1} pixels, got 3 frames of 11 x 8 = {pixels}"):
        decode(GOOD, pixels - 1)
