"""Bursts: as often, as long and as loud as was asked for, at the SNR where they sound, and nothing between them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from augkit.audio import add_bursts, add_bursts_with_info, files, task
from augkit.audio.bursts import noise as burst_noise
from augkit.audio.bursts.schedule import Schedule
from augkit.audio.bursts.spec import bursts_of, parse_bursts
from augkit.audio.options import AudioOptions
from augkit.errors import UsageError
from augkit.noise.keys import Key
from augkit.outcome import Outcome
from tests.audio_truth import RATE, dead_channel, power_db, snr_db, speech, tones
from tests.trees import augkit, content

CLOSE = 0.05


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def noised(source: Path, target: Path, key: int = 7, **options: object) -> Outcome:
    chosen = AudioOptions(**options)
    chosen.check()
    return files.open_item(source, chosen).write(target, Key(key), measure=True)


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, always_2d=True)[0]


def sounding(outcome: Outcome, frames: int, rate: int = RATE) -> np.ndarray:
    """Return where bursts sound, as the row tells."""
    mask = np.zeros(frames, bool)
    for burst in outcome.drawn["bursts"]:
        begin = round(burst["begin"] * rate)
        mask[max(begin, 0) : max(begin + round(burst["duration"] * rate), 0)] = True
    return mask


CASES = {
    "mono": (tones(10, 1), "PCM_16", {"snr_db": 10}),
    "dead channel": (dead_channel(tones(10, 2)), "PCM_24", {"snr_db": 0}),
    "hot": (np.clip(tones(10, 1, 1.1), -1, 1 - 2**-15), "PCM_16", {"snr_db": 6}),
    "faint": (tones(10, 1, 0.0007), "PCM_16", {"snr_db": 25}),
    "float": (tones(10, 2), "FLOAT", {"snr_db": -10}),
    "pink, shared": (tones(10, 2), "PCM_16", {"snr_db": 10, "color": "pink", "channels": "shared"}),
    "levels": (tones(10, 1), "PCM_16", {"snr_db": 10, "bursts": "rate=60,duration=0.02..0.2,level=-20..0"}),
    "laplace clicks": (tones(10, 1), "PCM_16", {"snr_db": -10, "bursts": "clicks:rate=600", "noise": "laplace"}),
    "per channel": (tones(10, 2), "PCM_16", {"snr_db": 10, "snr_definition": "per-channel"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_snr_is_that_where_bursts_sound(case: str, tmp_path: Path) -> None:
    samples, subtype, options = CASES[case]
    source, target = write(tmp_path / "source.wav", samples, subtype=subtype), tmp_path / "noisy.wav"
    clean = read(source)
    for key in range(4):
        outcome = noised(source, target, key, **{"bursts": "rate=40", **options})
        noise, mask = read(target) - clean, sounding(outcome, len(clean))
        assert not noise[~mask].any()
        assert 0 < mask.mean() < 0.9
        powers = np.mean(clean**2, axis=0), np.mean(noise[mask] ** 2, axis=0)
        ratios = [powers[0].mean() / powers[1].mean()]
        if case == "per channel":
            ratios = list(powers[0] / powers[1])
        found = float(np.mean(10 * np.log10(ratios)))
        assert found == pytest.approx(options["snr_db"], abs=CLOSE)
        row = outcome.achieved
        assert row["snr_db"] == pytest.approx(found, abs=2e-3)
        assert row["burst_share"] == pytest.approx(mask.mean(), abs=1e-9)
        assert row["overall_snr_db"] == pytest.approx(snr_db("rms", clean, read(target)), abs=2e-3)
        assert row["std"] == pytest.approx(np.sqrt(np.mean(noise[mask] ** 2)), rel=1e-3)


def test_active_and_a_weighted_levels_are_told_of_the_bursts(tmp_path: Path) -> None:
    source = write(tmp_path / "source.wav", speech(8), subtype="FLOAT")
    whole = {}
    for definition in ("active", "a-weighted"):
        options = {"snr_db": 10, "snr_definition": definition, "color": "brown"}
        outcome = noised(source, tmp_path / "a.wav", bursts="rate=60,duration=0.5", **options)
        mask = sounding(outcome, len(read(source)))
        noise = read(tmp_path / "a.wav") - read(source)
        outside = snr_db(definition, read(source), read(source) + noise)
        assert outside + 10 * np.log10(mask.mean()) == pytest.approx(10, abs=CLOSE)
        assert outcome.achieved["snr_db"] == pytest.approx(10, abs=0.01)
        whole[definition] = power_db(noise[mask])
    assert whole["a-weighted"] > whole["active"] + 3  # brown noise is hardly heard


def test_bursts_sound_as_loud_as_their_rows_say(tmp_path: Path) -> None:
    source = write(tmp_path / "source.wav", np.full(60 * RATE, 0.01), subtype="DOUBLE")
    outcome = noised(source, tmp_path / "a.wav", bursts="rate=60,duration=0.2..0.4,level=-30..0", snr_db=10)
    noise = read(tmp_path / "a.wav") - read(source)
    rows = outcome.drawn["bursts"]
    assert len(rows) > 30
    levels, found = [], []
    for number, row in enumerate(rows):
        begin, end = (round(at * RATE) for at in (row["begin"], row["begin"] + row["duration"]))
        others = rows[:number] + rows[number + 1 :]
        alone = all(other["begin"] + other["duration"] < row["begin"] or other["begin"] > row["begin"] + row["duration"]
                    for other in others)  # fmt: skip
        if alone and begin >= 0 and end <= len(noise):
            inside = noise[begin + 80 : end - 80]
            levels.append(row["level"])
            found.append(power_db(inside))
    differences = np.array(found) - np.array(levels)
    assert len(differences) > 15
    assert differences.max() - differences.min() < 1  # of Gaussian noise over 0.2 s


def test_arrivals_are_a_poisson_process() -> None:
    length = 60 * RATE
    counts, begins = [], []
    for key in range(400):
        schedule = Schedule(bursts_of(rate=20, duration=0.001), Key(key), RATE, length)
        counts.append(len(schedule.all))
        begins += [burst.begin for burst in schedule.all]
    # mean and variance of a Poisson count are both 20; false alarms one time in a million
    assert abs(np.mean(counts) - 20) < 4.9 * np.sqrt(20 / 400)
    assert stats.chi2.sf(399 * np.var(counts, ddof=1) / 20, 399) > 1e-6
    assert stats.chi2.cdf(399 * np.var(counts, ddof=1) / 20, 399) > 1e-6
    assert stats.kstest(np.array(begins) / length, "uniform").pvalue > 1e-6
    gaps = np.diff(np.sort(begins)) / length
    assert stats.kstest(gaps, "expon", args=(0, gaps.mean())).pvalue > 1e-6


@settings(max_examples=60, deadline=None)
@given(
    key=st.integers(0, 1000),
    rate=st.floats(1, 600),
    longest=st.floats(0.01, 20),
    ends=st.tuples(st.integers(0, 30 * RATE), st.integers(0, 30 * RATE)),
)
def test_any_part_of_a_schedule_is_known_by_itself(
    key: int, rate: float, longest: float, ends: tuple[int, int]
) -> None:
    schedule = Schedule(bursts_of(rate=rate, duration=f"0.01..{longest!r}"), Key(key), RATE, 30 * RATE)
    begin, end = sorted(ends)
    there = [(b.begin, b.frames, b.level_db, b.key) for b in schedule.within(begin, end)]
    whole = [(b.begin, b.frames, b.level_db, b.key) for b in schedule.all if b.begin < end and b.end > begin]
    assert there == whole
    longer = Schedule(schedule.bursts, Key(key), RATE, 90 * RATE).within(begin, end)
    assert there == [(b.begin, b.frames, b.level_db, b.key) for b in longer]


def test_bursts_may_have_begun_before_the_recording() -> None:
    early = [
        burst
        for key in range(50)
        for burst in Schedule(bursts_of(rate=20, duration=3), Key(key), RATE, RATE).all
        if burst.begin < 0
    ]
    assert 25 < len(early) < 80  # one a minute each 3 s: 50 on average
    assert all(burst.end > 0 for burst in early)


def test_noise_is_the_same_however_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    clean = (tones(6, 2) * 2**15).astype(np.int16)
    options = {"samplerate": RATE, "rate": 200, "duration": "0.01..2", "level": "-9..0", "color": "pink", "rng": 3}
    whole = add_bursts(clean, snr_db=5, **options)
    monkeypatch.setattr(burst_noise, "_KEPT", 0)
    assert np.array_equal(add_bursts(clean, snr_db=5, **options), whole)


def test_noise_rises_and_falls_but_clicks_do_not() -> None:
    silence = np.zeros((60 * RATE, 1))
    edges = {}
    for kind in ("noise", "clicks"):
        noisy, info = add_bursts_with_info(
            silence, "uniform", samplerate=RATE, rate=300, kind=kind, scale=0.1, duration=0.004, rng=1
        )
        begins = [round(burst["begin"] * RATE) for burst in info["drawn"]["bursts"] if burst["begin"] >= 0]
        assert len(begins) > 200
        assert {burst["duration"] for burst in info["drawn"]["bursts"]} == {0.004}
        edges[kind] = np.abs(noisy[begins]).mean()
    assert edges["clicks"] == pytest.approx(0.025, rel=0.2)
    assert edges["noise"] < 0.001


def test_clicks_are_short_unless_told_otherwise() -> None:
    _, info = add_bursts_with_info(tones(20, 1), samplerate=48000, rate=600, kind="clicks", snr_db=0, rng=1)
    durations = [burst["duration"] for burst in info["drawn"]["bursts"]]
    assert 1e-5 < min(durations) < 1e-4
    assert 2e-3 < max(durations) <= 4.1e-3


def test_backgrounds_in_bursts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "bg" / "dog.wav", 0.2 * rng.standard_normal(3000), 22050)
    write(tmp_path / "bg" / "door.flac", 0.01 * rng.standard_normal((RATE * 2, 2)))
    source = write(tmp_path / "source.wav", tones(20, 1), subtype="FLOAT")
    outcome = noised(source, tmp_path / "a.wav", backgrounds=str(tmp_path / "bg"), bursts="rate=60,duration=0.3",
                     snr_db=3)  # fmt: skip
    noise, mask = read(tmp_path / "a.wav") - read(source), sounding(outcome, len(read(source)))
    assert not noise[~mask].any()
    assert power_db(read(source)) - power_db(noise[mask]) == pytest.approx(3, abs=CLOSE)
    rows = outcome.drawn["bursts"]
    assert {row["file"] for row in rows} == {"dog.wav", "door.flac"}
    assert {row["duration"] for row in rows if row["file"] == "door.flac"} == {0.3}
    dogs = {row["duration"] for row in rows if row["file"] == "dog.wav"}
    assert max(dogs) == min(dogs) == pytest.approx(3000 / 22050, abs=1e-3)
    assert len({row["offset"] for row in rows}) > 5
    assert all(row["loops"] == 0 for row in rows)
    doors = [row for row in rows if row["file"] == "door.flac"]
    begin = next(round(row["begin"] * RATE) for row in doors if row["begin"] >= 0)
    row = next(row for row in doors if row["begin"] >= 0)
    there = read(tmp_path / "bg" / "door.flac").mean(axis=1)[row["offset_frames"] :][:4800]
    heard = noise[begin : begin + 4800, 0][100:-100]
    if begin + 4800 <= len(noise):
        assert np.corrcoef(heard, there[100:-100][: len(heard)])[0, 1] > 0.99


def test_a_recording_without_a_burst_stays_as_it_is(tmp_path: Path) -> None:
    source = write(tmp_path / "source.wav", tones(0.2, 1))
    for options in ({"snr_db": 5}, {"std": 0.1}):
        outcome = noised(source, tmp_path / "a.wav", bursts="rate=0.1", **options)
        assert outcome.notices == ("no burst falls into the recording, so it gets no noise",)
        assert (outcome.achieved["std"], outcome.drawn["bursts"]) == (0, [])
        assert np.array_equal(read(tmp_path / "a.wav"), read(source))


def test_laws_without_a_variance_have_a_geometric_snr_in_bursts() -> None:
    clean = tones(20, 1)
    noisy, info = add_bursts_with_info(clean, "cauchy", samplerate=RATE, rate=100, snr_db=12, rng=2)
    assert info["achieved"]["geometric_snr_db"] == pytest.approx(12, abs=1e-5)
    mask = sounding(Outcome(noise="", requested={}, drawn=info["drawn"], achieved={}, format={}), len(clean))
    noise = (noisy - clean)[mask]
    geometric = 2 * 1.7810724 * np.exp(2 * np.mean(np.log(np.abs(noise))))
    assert power_db(clean) - 10 * np.log10(geometric) == pytest.approx(12, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("rate=20", "noise:rate=20,duration=0.1..0.5,level=0"),
        ("noise:rate=5..20:log", "noise:rate=5..20:log,duration=0.1..0.5,level=0"),
        (" clicks : rate=60 , level=-12..0 ", "clicks:rate=60,duration=2e-05..0.004:log,level=-12..0"),
        ("rate=20,duration=1,level=3", "noise:rate=20,duration=1,level=3"),
    ],
)
def test_the_text_form(text: str, read_as: str) -> None:
    made = parse_bursts(text)
    assert str(made) == read_as
    assert parse_bursts(str(made)) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a rate a minute is needed"),
        ("clicks", "a rate a minute is needed"),
        ("clacks:rate=3", "kind='clacks': expected noise or clicks; did you mean 'clicks'"),
        ("rat=3", "did you mean 'rate'"),
        ("rate=3,rate=4", "each once"),
        ("rate=3,level", "was not expected"),
        ("rate=x", "'x' is no level"),
        ("rate=0", "more than 0, and at most 6000 a minute"),
        ("rate=1e9", "at most 6000 a minute"),
        ("rate=3,duration=0..1", "more than 0, and at most 30 seconds"),
        ("rate=3,duration=60", "at most 30 seconds"),
        ("rate=3,level=500", "expected -100 to 100 dB"),
        ("rate=nan", "no level"),
    ],
)
def test_text_that_means_nothing(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AudioOptions(snr_db=5, bursts=text).check()


def test_definitions_that_do_not_fit() -> None:
    for definition in ("lufs", "segmental"):
        with pytest.raises(UsageError, match="counts pauses between bursts in ways of its own"):
            AudioOptions(snr_db=5, bursts="rate=5", snr_definition=definition).check()
        with pytest.raises(UsageError, match="counts pauses"):
            add_bursts(tones(1, 1), samplerate=RATE, rate=5, snr_db=5, snr_definition=definition)


def misses(folder: Path) -> bool:
    source = write(folder / "source.wav", tones(10, 1))
    outcome = noised(source, folder / "a.wav", bursts="rate=40", snr_db=10)
    noise, mask = read(folder / "a.wav") - read(source), sounding(outcome, len(read(source)))
    return abs(power_db(read(source)) - power_db(noise[mask]) - 10) > CLOSE


def test_planted_faults_are_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not misses(tmp_path)
    with monkeypatch.context() as patched:  # the level taken over the pauses too
        made = task.Pair
        patched.setattr(task, "Pair", lambda *parts: made(*parts[:5]))
        assert misses(tmp_path)
    with monkeypatch.context() as patched:  # arrivals that are the same each time
        patched.setattr(Key, "uniform", lambda self: 0.5)
        begins = {tuple(b.begin for b in Schedule(bursts_of(rate=20), Key(k), RATE, 20 * RATE).all) for k in range(9)}
        assert all(b % (2 * RATE) == 0 for ends in begins for b in ends)  # so the test of arrivals would fail


def test_runs_are_the_same_for_any_workers(tmp_path: Path) -> None:
    for number in range(7):
        write(tmp_path / "src" / f"{number}.wav", tones(2, 1 + number % 2))
    made = []
    for place, jobs in (("a", 1), ("b", 2)):
        code = augkit("audio", tmp_path / "src", tmp_path / place, "--snr", "0..10", "--seed", 4, "-j", jobs,
                      "--bursts", "rate=20..200,duration=0.01..0.2,level=-12..0", "--quiet")  # fmt: skip
        assert code == 0
        made.append(content(tmp_path / place))
        shutil.rmtree(tmp_path / place)
    assert made[0] == made[1]
