"""Colours: the filters against the ideal, and the noise against the filters, with stated error rates."""

import hashlib
import math
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal
from scipy import stats

import augkit
from augkit.audio.options import AUDIBLE, color_at
from augkit.cli import main
from augkit.errors import UsageError
from augkit.level import Level
from augkit.noise import coloured
from augkit.noise.colour import COLORS, SLOWEST, WHITE, Autoregressive, PowerLaw, as_color
from augkit.noise.coloured import Coloured
from augkit.noise.distributions import Cauchy, Gaussian, Uniform
from augkit.noise.filters import LARGEST_LOWEST, power_law
from augkit.noise.keys import Key
from augkit.noise.strips import fill
from augkit.perturb import perturb
from augkit.signal import Signal
from tests.laws import LAWS
from tests.truth import ALPHA, allowed_distance, distance

KEY = Key(7)
RATES = (8_000, 16_000, 44_100, 48_000, 192_000)
LENGTHS = (2, 64, 1000, 44_321, 10**6, 10**9)
EXPONENTS = (-2.0, -1.9, -1.5, -1.0, -0.6, -0.1, 0.1, 0.3, 0.6, 1.0, 1.3, 1.6, 1.9, 2.0)
CLOSE = {PowerLaw(2.0), PowerLaw(1.0), PowerLaw(0.3), PowerLaw(-0.6), PowerLaw(-1.0), PowerLaw(-2.0)}
SAMPLES = sorted((color.above(20 / 8000) for color in CLOSE), key=str) + [
    Autoregressive(phi) for phi in (0.9, -0.7, 0.999, 0.1, 1e-9)
]


def made(color, frames, *, law=Gaussian(), key=KEY, channels=1, dtype=np.float64):  # noqa: B008
    """Return coloured noise, of shape (frames, channels)."""
    out = np.empty((frames, channels), dtype)
    Coloured(color.filter(frames), law, key, channels=channels, dtype=np.dtype(dtype)).fill(out, 0)
    return out


# the filters, from their coefficients


def third_octaves(lowest):
    """Yield the edges of the third-octave bands, from the one about `lowest` up to the Nyquist frequency."""
    low = lowest / 2 ** (1 / 6)
    while low < 0.49:
        yield low, min(low * 2 ** (1 / 3), 0.5)
        low *= 2 ** (1 / 3)


def errors_in_db(filter_, exponent, lowest):
    """Return by how much the bands' powers are off the ideal slope, which is put through their middle."""
    off = []
    for low, high in third_octaves(lowest):
        edges = np.linspace(low, high, 129)
        frequency = (edges[1:] + edges[:-1]) / 2
        power = np.mean(np.abs(filter_.response(frequency)) ** 2)
        off.append(10 * np.log10(power / np.mean(frequency**-exponent)))
    return np.array(off) - (max(off) + min(off)) / 2


def test_third_octaves_are_right_at_every_rate_and_length():
    for rate in RATES:
        for exponent in EXPONENTS:
            filter_ = color_at(exponent, rate).filter(1)
            assert np.abs(errors_in_db(filter_, exponent, AUDIBLE / rate)).max() < 0.2, (rate, exponent)
    for length in LENGTHS:
        for exponent in EXPONENTS:
            filter_ = PowerLaw(exponent).filter(length)
            lowest = min(1 / length, LARGEST_LOWEST)
            assert np.abs(errors_in_db(filter_, exponent, lowest)).max() < 0.2, (length, exponent)


def test_a_slope_half_a_db_off_is_seen():
    """Half a dB at either end of the ten octaves from 20 Hz, a tenth of a dB an octave, in each colour."""
    tilt = 2 * 0.5 / (10 * math.log10(24_000 / 20))
    for exponent in EXPONENTS:
        for wrong in (exponent - tilt, exponent + tilt):
            if abs(wrong) <= 2:
                filter_ = power_law(wrong, 20 / 48_000)
                assert np.abs(errors_in_db(filter_, exponent, 20 / 48_000)).max() > 0.35


@pytest.mark.parametrize("color", SAMPLES, ids=str)
def test_power_is_one_and_is_that_of_the_impulse_response(color):
    filter_ = color.filter(1)
    assert filter_.power == pytest.approx(1, abs=1e-6)
    impulse = np.zeros(100_000)
    impulse[0] = 1
    response = reference(filter_, impulse)
    assert np.sum(response**2) == pytest.approx(filter_.power, rel=1e-9)
    frequency = np.array([0.001, 0.01, 0.1, 0.5])
    spectrum = np.exp(-2j * np.pi * frequency[:, np.newaxis] * np.arange(100_000)) @ response
    np.testing.assert_allclose(filter_.response(frequency), spectrum, atol=1e-9)


def test_coefficients_are_short_and_poles_are_stable():
    for exponent in EXPONENTS:
        filter_ = power_law(exponent, 1e-5)
        assert all(float(np.float32(weight)) == weight for weight in filter_.residues + filter_.taps)
        assert all(float(np.float32(1 - pole)) == 1 - pole for pole in filter_.poles)
        assert all(0 < pole < 1 for pole in filter_.poles)
        assert list(filter_.poles) == sorted(filter_.poles, reverse=True)


# the noise


def reference(filter_, innovations):
    """Return what the filter makes of innovations that nothing came before, by scipy, along the first axis."""
    total = np.zeros_like(innovations)
    for pole, residue in zip(filter_.poles, filter_.residues, strict=True):
        total += scipy_signal.lfilter([residue], [1, -pole], innovations, axis=0)
    if filter_.taps:
        total += scipy_signal.lfilter(filter_.taps, [1], innovations, axis=0)
    return scipy_signal.lfilter([1, -1], [1], total, axis=0) if filter_.difference else total


def innovations_of(law, frames, channels, before):
    """Return the innovations from `before` frames ahead of the noise on, drawn as plain white noise."""
    ahead, after = np.empty(before * channels, np.float32), np.empty(frames * channels)
    fill(ahead, law, KEY.child("before"))
    fill(after, law, KEY)
    return np.concatenate([ahead.astype(float), after]).reshape(-1, channels)


def run_in_of(filter_):
    """Return the frames that a filter is run in over: whole segments."""
    return -(-max(*filter_.reaches, 0, len(filter_.taps) + 1) // filter_.segment) * filter_.segment


@pytest.mark.parametrize("color", SAMPLES, ids=str)
def test_it_is_white_noise_of_the_law_through_the_filter_once(color):
    """Every law and colour against scipy's recursion: no loop, no reset, and nothing of the end in the start."""
    filter_ = color.filter(1)
    frames, before = 12_345, run_in_of(filter_)
    for law in LAWS if str(color) in ("pink", "blue", "ar:0.9") else (Gaussian(), Cauchy()):
        expected = reference(filter_, innovations_of(law, frames, 3, before))[before:]
        noise = made(color, frames, law=law, channels=3)
        tolerance = 1e-9 * np.maximum.accumulate(np.abs(expected), axis=0).max()
        np.testing.assert_allclose(noise, expected, rtol=1e-9, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("color", SAMPLES[:6] + SAMPLES[-5:-3], ids=str)
@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 30_000), max_size=8), channels=st.integers(1, 3))
def test_pieces_of_any_size_hold_the_same_samples(color, dtype, cuts, channels):
    whole = made(color, 30_000, channels=channels, dtype=dtype)
    stream = Coloured(color.filter(30_000), Gaussian(), KEY, channels=channels, dtype=np.dtype(dtype))
    edges = sorted({0, *cuts, 30_000})
    for first, last in pairwise(edges):
        piece = np.empty((last - first, channels), dtype)
        stream.fill(piece, first)
        assert piece.tobytes() == whole[first:last].tobytes()
    back = np.empty((100, channels), dtype)
    stream.fill(back, 4000)
    assert back.tobytes() == whole[4000:4100].tobytes()


def test_a_state_that_is_reset_at_a_border_is_seen():
    color = PowerLaw(1.0, 20 / 8000)
    whole, stream = made(color, 9000), Coloured(color.filter(9000), Gaussian(), KEY, channels=1, dtype=np.dtype(float))
    first, second = np.empty((5000, 1)), np.empty((4000, 1))
    stream.fill(first, 0)
    stream._states = [state.copy() for state in stream._begin]
    stream.fill(second, 5000)
    assert not np.allclose(second, whole[5000:])
    assert np.array_equal(first, whole[:5000])


def band_levels(noise, lowest, segment=8192):
    """Return (power of each third-octave band, its relative standard error), by Hann windows that do not overlap."""
    window = np.hanning(segment + 1)[:-1]
    pieces = noise[: len(noise) // segment * segment].reshape(-1, segment)
    spectrum = np.zeros(segment // 2 + 1)
    for piece in pieces:
        spectrum += np.abs(np.fft.rfft(piece * window)) ** 2
    frequency = np.arange(segment // 2 + 1) / segment
    levels = []
    for low, high in third_octaves(lowest):
        inside = (frequency >= low) & (frequency < high)
        # powers of neighbouring bins correlate by 4/9, of the next by 1/36
        error = math.sqrt((1 + 2 * (4 / 9 + 1 / 36)) / (len(pieces) * inside.sum()))
        levels.append((spectrum[inside].mean() / len(pieces) / np.sum(window**2), error, frequency[inside]))
    return levels


def spectral_faults(noise, filter_, lowest, sigmas=4.9):
    """Return the bands whose power is off the filter's by more than `sigmas` (one in 1e6), and that bound in dB."""
    faults, largest = [], 0.0
    for power, error, frequency in band_levels(noise, lowest):
        off = power / np.mean(np.abs(filter_.response(frequency)) ** 2) - 1
        faults += [frequency[0]] * bool(abs(off) > sigmas * error + 0.002)  # 0.002: the bins' own width
        largest = max(largest, error)
    return faults, 10 * np.log10(1 + sigmas * largest)


@pytest.mark.parametrize("exponent", [1.0, 2.0, -1.0, -2.0, 1.5, -0.5])
def test_third_octaves_of_the_noise_itself(exponent):
    """False fail 1e-6 a band; a band that is off by half a dB is missed with 1e-6, as twice 4.9 sigma are less.

    So is a slope that is off by half a dB at either end of the bands: it must be seen.
    """
    color = PowerLaw(exponent, 1 / 100)
    filter_ = color.filter(1)
    noise = made(color, 2**23, dtype=np.float32)[:, 0]
    faults, bound = spectral_faults(noise, filter_, 1 / 100)
    assert 2 * bound < 0.5
    assert not faults
    tilt = 2 * 0.5 / (10 * math.log10(0.5 / 0.01))
    assert spectral_faults(noise, power_law(exponent - math.copysign(tilt, exponent), 1 / 100), 1 / 100)[0]


def test_it_starts_as_it_goes_on():
    """The power of the first samples and of their differences over many channels; false fail 1e-6 each.

    A stream that is not run in has too little power there, and is seen.
    """
    channels = 1500
    for color in (PowerLaw(1.0, 0.01), PowerLaw(2.0, 0.01), PowerLaw(-1.0, 0.01), Autoregressive(0.99)):
        filter_ = color.filter(1)
        start = made(color, 4, channels=channels)
        impulse = reference(filter_, np.eye(1, 20_000)[0])
        lag_1 = float(np.sum(impulse[1:] * impulse[:-1]))
        low, high = stats.chi2.ppf([ALPHA / 2, 1 - ALPHA / 2], channels) / channels
        for row in start:
            assert low < np.mean(row**2) < high
        assert low < np.mean((start[1] - start[0]) ** 2) / (2 - 2 * lag_1) < high
        cold = reference(filter_, innovations_of(Gaussian(), 4, channels, 0)[:4])
        if filter_.poles and not filter_.difference:
            assert not low < np.mean(cold[0] ** 2) < high


def test_the_end_does_not_lead_back_to_the_start():
    """The correlation of the last and the first sample; false fail 1e-6. Noise shaped on a circle is seen."""
    color, frames, runs = PowerLaw(2.0, 0.01), 4000, 300
    noise = made(color, frames, channels=runs)
    bound = stats.norm.isf(ALPHA / 2) / math.sqrt(runs)
    assert abs(np.corrcoef(noise[0], noise[-1])[0, 1]) < bound
    frequency = np.fft.rfftfreq(frames)
    spectrum = np.fft.rfft(np.random.default_rng(1).normal(size=(frames, runs)), axis=0)
    circular = np.fft.irfft(spectrum * color.filter(1).response(frequency)[:, np.newaxis], axis=0)
    assert np.corrcoef(circular[0], circular[-1])[0, 1] > bound


def test_stable_laws_stay_what_they_are():
    """A filtered Cauchy noise is Cauchy, with the sum of the impulse response's magnitudes as its scale (DKW, 1e-6)."""
    color, channels = PowerLaw(1.0, 1 / 64), 3000
    filter_ = color.filter(1)
    noise = made(color, 2, law=Cauchy(), channels=channels)[1]
    scale = np.sum(np.abs(reference(filter_, np.eye(1, 20_000)[0])))
    assert distance(noise, stats.cauchy(scale=scale).cdf) < allowed_distance(channels)
    assert distance(noise, stats.cauchy(scale=2 * scale).cdf) > allowed_distance(channels)
    uniform = made(color, 2, law=Uniform(), channels=channels)[1]
    assert distance(uniform, stats.uniform(loc=-0.5).cdf) > allowed_distance(channels)


@pytest.mark.parametrize("phi", [0.9, -0.5, 0.1, 0.99])
def test_autocorrelation_of_ar_1(phi):
    """False fail 1e-6 a lag, by Bartlett's formula for the variance of an autocorrelation."""
    n = 2**20
    noise = made(Autoregressive(phi), n)[:, 0]
    power = np.mean(noise**2)
    for lag in (1, 2, 5, 20):
        found = np.mean(noise[lag:] * noise[:-lag]) / power
        r = phi**2
        variance = ((1 + r) * (1 - r**lag) / (1 - r) - 2 * lag * r**lag) / n
        assert abs(found - phi**lag) < stats.norm.isf(ALPHA / 2) * math.sqrt(variance)


def test_channels_are_apart():
    """Correlation of two channels of blue noise, each of which forgets fast; and of one with itself."""
    noise = made(PowerLaw(-1.0, 0.01), 2**18, channels=2)
    bound = stats.norm.isf(ALPHA / 2) * math.sqrt(2 / 2**18)
    for lag in range(3):
        assert abs(np.mean(noise[lag:, 0] * noise[: len(noise) - lag, 1])) < bound
    assert abs(np.mean(noise[1:, 0] * noise[:-1, 0])) > bound


GOLDEN = {
    "ar:-0.9 <f4": "b2a0317e4757caa1",
    "ar:-0.9 <f8": "c403b76574b439d0",
    "brown <f4": "31a8c0a21d307e93",
    "brown <f8": "262d88d7e6328b2d",
    "exponent:-1.5 <f4": "d0a6dd7a72404003",
    "exponent:-1.5 <f8": "a9f34b55791c4d13",
    "pink <f4": "a4962e48d0174e89",
    "pink <f8": "cb7f16651128e5af",
}


def count(out, law, key, *, start=0):
    """Fill with a sawtooth in place of noise, so that the filter alone is under test."""
    del law, key
    index = np.arange(start, start + len(out), dtype=np.uint64)
    out[:] = (index * np.uint64(2654435761) % np.uint64(2**32)) / 2.0**31 - 1


def test_golden_hashes(monkeypatch):
    """The same on every machine and with every release of NumPy; to change them is to change the stream's version."""
    monkeypatch.setattr(coloured, "fill", count)
    found = {}
    for color in (PowerLaw(1.0, 20 / 48_000), PowerLaw(2.0), PowerLaw(-1.5), Autoregressive(-0.9)):
        for dtype in ("<f4", "<f8"):
            noise = made(color, 200_000, dtype=dtype)
            found[f"{color} {dtype}"] = hashlib.sha256(noise.tobytes()).hexdigest()[:16]
    assert found == GOLDEN


def test_the_slow_run_in_is_as_good_as_the_exact_one():
    """Where poles hardly forget over a segment they take its sum: the state before sample 0 is the same to 1 in 1e3."""
    color = PowerLaw(1.0)
    filter_ = color.filter(200_000)
    before = run_in_of(filter_)
    assert before > 500_000
    expected = reference(filter_, innovations_of(Gaussian(), 100, 1, before))[before:]
    np.testing.assert_allclose(made(color, 200_000)[:100], expected, atol=0.02)


# through the rest of the house


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint8])
@pytest.mark.parametrize(
    "color", [PowerLaw(1.0, 0.01), PowerLaw(2.0, 0.01), PowerLaw(-2.0), Autoregressive(0.9)], ids=str
)
def test_levels_are_met(color, dtype):
    full, limits = {"f": (1.0, None), "i": (32768.0, (-32768, 32767)), "u": (255.0, (0, 255))}[np.dtype(dtype).kind]
    middle = 127 if limits and limits[0] == 0 else 0
    clean = Signal(np.full((200_000, 2), middle, dtype), full, limits)
    for law in (Gaussian(), Uniform()):
        noisy = perturb(clean, law, Level("std", (0.1,)), KEY, color=color).samples
        power = np.mean((noisy.astype(float) - middle) ** 2) - (0 if limits is None else 1 / 12)
        # brown noise forgets in 72 samples here, so the sigma of its std is 0.5 * sqrt(2 * 72 / 400,000), 0.95 %
        assert math.sqrt(power) / full == pytest.approx(0.1, rel=0.047)
    tone = np.sin(np.arange(20_000)) * full / 8 + middle
    heavy = perturb(Signal(tone.astype(dtype), full, limits), Cauchy(), Level("snr_db", (30.0,)), KEY, color=color)
    assert heavy.geometric_snr_db == pytest.approx(30, abs=1e-6)


def test_pieces_of_a_long_signal_and_of_a_short_one_agree():
    """Noise beyond 4 M samples is not kept but read twice; at a given lowest frequency a longer one begins the same."""
    color = PowerLaw(1.0, 0.01)
    long = perturb(Signal(np.zeros((2_200_000, 2), np.float32)), Gaussian(), Level("std", (0.1,)), KEY, color=color)
    short = perturb(Signal(np.zeros((1000, 2), np.float32)), Gaussian(), Level("std", (0.1,)), KEY, color=color)
    assert np.array_equal(long.samples[:1000], short.samples)
    shared = perturb(
        Signal(np.zeros((1000, 2))), Gaussian(), Level("std", (0.1,)), KEY, color=color, channels="shared"
    ).samples
    assert np.array_equal(shared[:, 0], shared[:, 1])


def test_white_is_as_it_was():
    clean = Signal(np.zeros(5000, np.float32))
    plain = perturb(clean, Gaussian(), Level("std", (0.1,)), KEY).samples
    for color in (WHITE, as_color("white"), as_color(0), as_color("ar:0"), as_color("white").above(0.001)):
        assert np.array_equal(perturb(clean, Gaussian(), Level("std", (0.1,)), KEY, color=color).samples, plain)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        *((name, PowerLaw(exponent)) for name, exponent in COLORS.items()),
        (" Pink ", PowerLaw(1.0)),
        (1, PowerLaw(1.0)),
        (-0.5, PowerLaw(-0.5)),
        ("1.5", PowerLaw(1.5)),
        ("exponent:1.5", PowerLaw(1.5)),
        ("exponent: -2", PowerLaw(-2.0)),
        ("ar:0.9", Autoregressive(0.9)),
        ("AR: -0.25", Autoregressive(-0.25)),
        (PowerLaw(1.0, 0.001), PowerLaw(1.0, 0.001)),
    ],
)
def test_colours_are_read(given_, expected):
    color = as_color(given_)
    assert color == expected
    assert as_color(str(color)) == as_color(str(expected))


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ("pinkish", "did you mean 'pink'"),
        ("", "no such colour"),
        (":1", "no such colour"),
        ("ar", "no such colour"),
        ("ar:", "no such colour"),
        ("exponent:pink", "no such colour"),
        ("nan", "no such colour"),
        (True, "no such colour"),
        (None, "no such colour"),
        (2.1, "between -2"),
        ("exponent:-3", "between -2"),
        (PowerLaw(math.nan), "between -2"),
        ("ar:1", "between -1 and 1"),
        ("ar:-1.5", "between -1 and 1"),
        (Autoregressive((1 + SLOWEST) / 2), "between -1 and 1"),
    ],
)
def test_what_is_no_colour_is_refused_by_name(given_, reason):
    with pytest.raises(UsageError, match=reason):
        as_color(given_)


def test_arrays_of_audio_and_of_series_take_colours():
    silence = np.zeros((48_000, 2), np.float32)
    at_rate = augkit.audio.add_noise(silence, std=0.1, color="brown", samplerate=48_000, rng=3)
    by_length = augkit.audio.add_noise(silence, std=0.1, color=2, rng=3)
    assert np.std(np.diff(at_rate, axis=0)) > 4 * np.std(np.diff(by_length, axis=0))
    with pytest.raises(UsageError, match="samplerate=0"):
        augkit.audio.add_noise(silence, std=0.1, color="brown", samplerate=0)
    values = np.arange(20_000.0)
    noisy, info = augkit.series.add_noise_with_info(values, snr_db=20, color="ar:0.9", rng=3)
    noise = noisy - values
    assert np.mean(noise[1:] * noise[:-1]) / np.mean(noise**2) == pytest.approx(0.9, abs=0.02)
    assert info["snr_db"] == pytest.approx(20, abs=0.01)
    big = np.full(1000, 2**60)
    assert np.std((augkit.series.add_noise(big, std=1000, color="pink", rng=1) - big).astype(float)) > 100


def test_the_command_line_takes_a_colour(tmp_path):
    (tmp_path / "src").mkdir()
    soundfile.write(tmp_path / "src" / "a.wav", np.zeros(32_000), 16_000, "PCM_16")
    (tmp_path / "src" / "a.csv").write_text("t,x\n" + "".join(f"{i},{i % 7}.0000\n" for i in range(5000)))
    for domain, name in (("audio", "a.wav"), ("series", "a.csv")):
        dst = tmp_path / domain
        command = [domain, str(tmp_path / "src"), str(dst), "--std", "0.05", "--color", "ar:0.95", "--seed", "1", "-j1"]
        assert main(command) == 0
        if domain == "audio":
            noise = soundfile.read(dst / name)[0]
        else:
            noise = np.loadtxt(dst / name, delimiter=",", skiprows=1)[:, 1] - np.arange(5000) % 7
        assert np.mean(noise[1:] * noise[:-1]) / np.mean(noise**2) == pytest.approx(0.95, abs=0.03)
        assert 'color = "ar:0.95"' in (dst / "recipe.toml").read_text()
        assert main([*command[:3], "--std", "0.05", "--color", "pinkish"]) == 2
