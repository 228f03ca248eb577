"""Long recordings in constant memory: the same samples as in one piece, however the source is read."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from augkit import unit_noise
from augkit.audio import add_noise, add_noise_with_info, files, survey
from augkit.audio.blocks import InMemory
from augkit.audio.decide import decide
from augkit.audio.formats import sndfile
from augkit.audio.loudness import DEFINITIONS, GEOMETRIC, Definition, Place
from augkit.audio.mix import Grid
from augkit.audio.options import AudioOptions, color_at
from augkit.audio.render import Rendering
from augkit.audio.task import Task, Wish, task_for
from augkit.level import Level
from augkit.noise.distributions import as_distribution
from augkit.noise.keys import Key
from augkit.unit_noise import LawNoise, noise_dtype
from tests.audio_truth import HOT, RATE, dead_channel, speech, tones

LIMITS = {"int16": (2.0**15, (-(2.0**15), 2.0**15 - 1)), "float32": (1.0, None)}


@dataclass
class Ragged:
    """A source that gives blocks of any length, whatever is asked for, and counts its passes."""

    samples: np.ndarray
    cuts: list[int]
    passes: int = 0

    @property
    def frames(self) -> int:
        return len(self.samples)

    def blocks(self, frames: int = 1) -> Iterator[np.ndarray]:
        self.passes += 1
        begin = number = 0
        while begin < len(self.samples):
            end = begin + self.cuts[number % len(self.cuts)]
            yield self.samples[begin:end]
            begin, number = end, number + 1


def made_task(source: object, samples: np.ndarray, *, law: str = "gaussian", color: str = "white", snr: float = 5.0,
              definition: Definition = DEFINITIONS["rms"], on_clip: str | None = "clip", ignore_dc: bool = False,
              dither: bool = False, sharing: object = "independent") -> Task:  # fmt: skip
    frames, channels = samples.shape
    full_scale, limits = LIMITS[samples.dtype.name]
    if on_clip is not None and limits is None:
        limits = (-1.0, 1.0)
    place, key, dtype = Place(channels, RATE, full_scale), Key(9), noise_dtype(samples.dtype)
    noise = LawNoise(as_distribution(law), key, frames, channels, dtype, sharing=sharing,
                     filter_=color_at(color, RATE).filter(frames))  # fmt: skip
    wish = Wish(Level("snr_db", (snr,)), definition, ignore_dc, on_clip, "skip", "tpdf" if dither else None)
    return task_for(source, noise, place, Grid(samples.dtype, full_scale, limits), wish, key=key)


def rendered(task: Task) -> tuple[np.ndarray, dict[str, object]]:
    rendering = Rendering(task, decide(task, offset=True), measures=True)
    return np.concatenate(list(rendering.blocks())), rendering.reached()


def as_16_bits(samples: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(samples, -1, 1 - 2**-15) * 2**15).astype(np.int16)


WAYS = (
    {},
    {"snr": 40.0, "dither": True},
    {"snr": -3.0, "law": "student-t:df=3"},
    {"snr": 1.0, "on_clip": "attenuate", "color": "pink"},
    {"snr": 12.0, "definition": DEFINITIONS["per-channel"], "sharing": "shared"},
    {"snr": 12.0, "definition": DEFINITIONS["active"], "sharing": 0.5},
    {"snr": 12.0, "definition": DEFINITIONS["a-weighted"], "color": "brown"},
    {"snr": 12.0, "definition": DEFINITIONS["segmental"], "ignore_dc": True},
    {"snr": 12.0, "definition": GEOMETRIC, "law": "cauchy"},
)


def way_name(way: dict[str, object]) -> str:
    return " ".join(str(getattr(value, "name", value)) for value in way.values()) or "default"


@pytest.mark.parametrize("way", WAYS, ids=way_name)
@pytest.mark.parametrize("dtype", ["int16", "float32"])
@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(1, 9000), min_size=1, max_size=8), step=st.sampled_from([700, 4096, 30_000]))
def test_any_blocks_give_the_same_samples(way: dict[str, object], dtype: str, cuts: list[int], step: int) -> None:
    clean = dead_channel(speech(1.5, 2)) + 0.3 * tones(1.5, 2) + 0.02
    samples = as_16_bits(clean) if dtype == "int16" else clean.astype(np.float32)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(survey, "PIECE", step)
        patched.setattr(unit_noise, "_KEPT", 0)
        streamed, told = rendered(made_task(Ragged(samples, cuts), samples, **way))
        patched.setattr(unit_noise, "_KEPT", 2**30)
        whole, also_told = rendered(made_task(InMemory(samples), samples, **way))
    assert np.array_equal(streamed, whole)
    assert told == also_told


@pytest.mark.parametrize(
    ("samples", "way", "passes"),
    [
        (tones(1, 1, 0.1).astype(np.float32), {"on_clip": None}, 2),
        (tones(1, 1, 0.1).astype(np.float32), {"on_clip": "clip"}, 2),
        (as_16_bits(tones(1, 1, 0.1)), {}, 2),
        (as_16_bits(tones(1, 1, 0.1)), {"definition": DEFINITIONS["active"]}, 2),
        (as_16_bits(tones(1, 1, 0.1)), {"ignore_dc": True}, 3),
        (as_16_bits(tones(1, 1, 0.1)), {"on_clip": "attenuate"}, 2),
        (as_16_bits(HOT), {"on_clip": "attenuate"}, 3),
        (as_16_bits(HOT), {"snr": 20.0}, 7),
        (as_16_bits(tones(4, 1, 0.001)), {"snr": 30.0}, 6),
    ],
)
def test_no_more_passes_than_are_needed(samples: np.ndarray, way: dict[str, object], passes: int) -> None:
    source = Ragged(samples, [5000])
    rendered(made_task(source, samples, **way))
    assert source.passes <= passes
    if passes <= 3:
        assert source.passes == passes


def test_a_std_takes_one_pass() -> None:
    samples = as_16_bits(tones(1, 2))
    source = Ragged(samples, [5000])
    task = made_task(source, samples)
    task = Task(task.pair, task.grid, Wish(Level("std", (0.1,)), on_clip="clip"))
    _, told = rendered(task)
    assert source.passes == 1
    assert told["std"] == pytest.approx(0.1, rel=0.02)
    assert told["snr_db"] == pytest.approx(told["snr_db_before_clipping"], abs=0.01)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_file_read_in_passes_is_written_as_one_in_memory(
    subtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source.wav"
    soundfile.write(source, dead_channel(speech(8, 3)) + 0.02, RATE, subtype=subtype)
    options = AudioOptions(snr_db=3, snr_definition="active", color="pink", on_clip="clip")
    outcomes = []
    for name in ("kept", "streamed"):
        outcomes.append(files.open_item(source, options).write(tmp_path / name, Key(1), measure=True))
        monkeypatch.setattr(sndfile, "KEPT", 1000, raising=False)
        monkeypatch.setattr("augkit.audio.formats.recording.KEPT", 1000)
        monkeypatch.setattr(unit_noise, "_KEPT", 0)
    assert not files.open_item(source, options).recording.is_kept
    assert (tmp_path / "kept").read_bytes() == (tmp_path / "streamed").read_bytes()
    assert outcomes[0] == outcomes[1]


class Endless:
    """A source of any length that takes no memory."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._block = np.repeat(as_16_bits(speech(6, 1)), 2, axis=1)

    def blocks(self, frames: int = 1) -> Iterator[np.ndarray]:
        for begin in range(0, self.frames, len(self._block)):
            yield self._block[: self.frames - begin]


@pytest.mark.parametrize("definition", ["rms", "active"])
def test_memory_stays_flat(definition: str) -> None:
    frames = 4_000_000 if definition == "rms" else 2_500_000
    clean = Endless(frames)
    noise = LawNoise(as_distribution("laplace"), Key(1), frames, 2, np.dtype(np.float32))
    place, grid = Place(2, RATE, 2.0**15), Grid(np.dtype(np.int16), *LIMITS["int16"])
    tracemalloc.start()
    wish = Wish(Level("snr_db", (10.0,)), DEFINITIONS[definition])
    task = task_for(clean, noise, place, grid, wish, key=Key(1))
    rendering = Rendering(task, decide(task, offset=True), measures=True)
    assert sum(map(len, rendering.blocks())) == frames
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rendering.reached()["snr_db"] == pytest.approx(10, abs=0.02)
    assert peak < 32e6


THREE_HOURS = """
import sys
import numpy as np, soundfile
from pathlib import Path
from augkit.audio import files
from augkit.audio.options import AudioOptions
from augkit.noise.keys import Key
from tests.peak import peak
source, target, hours = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
minute = (8000 * np.sin(np.arange(48000 * 60)[:, np.newaxis] * [0.03, 0.05])).astype(np.int16)
with soundfile.SoundFile(source, "w", 48000, 2, "PCM_16") as file:
    for _ in range(round(hours * 60)):
        file.write(minute)
del minute
outcome = files.open_item(source, AudioOptions(snr_db=10)).write(target, Key(1), measure=True)
print(outcome.achieved["snr_db"], peak())
"""


@pytest.mark.slow
def test_three_hours_of_stereo_stay_under_200_mb(tmp_path: Path) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "target.wav"
    command = [sys.executable, "-c", THREE_HOURS, str(source), str(target), "3"]
    root = Path(__file__).parent.parent
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout.split()
    assert float(told[0]) == pytest.approx(10, abs=0.05)
    assert float(told[1]) < 200e6
    assert target.stat().st_size == source.stat().st_size
    source.unlink()
    target.unlink()


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("options", [{"snr_db": 2}, {"snr_db": 2, "on_clip": "attenuate"}, {"std": 0.1}], ids=str)
def test_threads_do_not_show(dtype: str, options: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    samples = tones(20, 3)
    clean = as_16_bits(samples) if dtype == "int16" else samples.astype(np.float32)
    made = [add_noise_with_info(clean, threads=1, rng=1, **options)]
    for kept in (2**30, 0):
        monkeypatch.setattr(unit_noise, "_KEPT", kept)
        made.append(add_noise_with_info(clean, threads=3, rng=1, **options))
        assert np.array_equal(add_noise(clean, threads=3, rng=1, **options), made[0][0])
    for noisy, info in made[1:]:
        assert np.array_equal(noisy, made[0][0])
        assert info == made[0][1]


def test_rendering_can_be_repeated() -> None:
    samples = as_16_bits(speech(3, 2))
    for definition in ("active", "segmental"):
        for level in (Level("snr_db", (10.0,)), Level("std", (0.01,))):
            task = made_task(InMemory(samples), samples, definition=DEFINITIONS[definition])
            task = replace(task, wish=replace(task.wish, level=level))
            rendering = Rendering(task, decide(task), measures=True)
            made, told = zip(
                *((np.concatenate(list(rendering.blocks())), rendering.reached()) for _ in range(3)), strict=True
            )
            assert np.array_equal(made[0], made[1])
            assert np.array_equal(made[0], made[2])
            assert told[0] == told[1] == told[2]
