"""Many streams at once give what each gives by itself; numbers read eight digits at a time are what Arrow reads."""

import numpy as np
import pytest

from augkit.noise.distributions import as_distribution
from augkit.noise.keys import Key
from augkit.noise.many import Streams, fill_many
from augkit.noise.strips import fill
from augkit.series.chain import Chain, Link, take_together
from augkit.series.csv_numbers import parse
from augkit.series.csv_parse import _plain
from augkit.series.faults.model import as_faults
from augkit.series.faults.stream import ColumnFacts, FaultStream
from augkit.series.sensors.noise import SensorNoise
from augkit.series.sensors.sheet import Errors
from augkit.series.sensors.timeline import Pace
from augkit.series.sources import Rows
from augkit.series.tape import Tape
from tests.ways import compiled_only

STREAMS = 12
ERRORS = Errors(
    white_noise=0.1,
    random_walk=0.2,
    bias_instability=0.3,
    gauss_markov=((0.5, 1.0), (0.1, 0.01)),
    quantization=0.001,
    ramp=0.01,
    turn_on_bias=0.2,
    scale_factor=0.1,
)
FAULTS = as_faults(
    [
        "dropout:rate=5/s,duration=exp:0.1s,fill=hold",
        "dropout:rate=1e-2/sample,duration=3 samples",
        "spike:rate=1e-2/sample,size=3..8",
        "stuck:rate=2/s,duration=20 samples",
        "drift:rate=3/s,duration=0.1s..1s,size=3",
        "saturation:rate=3/s,duration=0.2s",
    ]
)


@pytest.mark.parametrize("law", ["gaussian", "cauchy", "student-t:df=3"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pieces_of_many_streams_are_those_of_each(law, dtype):
    rng, law = np.random.default_rng(1), as_distribution(law)
    keys = [Key(3, path=("x", number)) for number in range(60)]
    starts, counts = rng.integers(0, 140_000, 60), rng.integers(0, 400, 60)
    counts[7] = 70_000
    out = np.empty(counts.sum(), dtype)
    fill_many(out, law, Streams(keys, starts, counts))
    for key, start, piece in zip(keys, starts.tolist(), np.split(out, np.cumsum(counts)[:-1]), strict=True):
        own = np.empty_like(piece)
        fill(own, law, key, start=start)
        assert np.array_equal(piece, own)


def chains(**parts):
    """Return chains of streams at regular and irregular intervals, of very different lengths."""
    rng, made = np.random.default_rng(2), []
    for number in range(STREAMS):
        pace = Pace(float(rng.uniform(1e-3, 0.1)), 10.0 ** rng.uniform(0, 6), regular=number % 3 == 0)
        key = Key(1, path=("group", number))
        tape = Tape(as_distribution("gaussian"), key, None, np.dtype(np.float64), 10_000, ahead=256)
        link = Link(
            tapes=((tape, 1.0),) if number % 4 else (),
            scale=0.25 * number if number % 4 else 0.0,
            sensor=SensorNoise(ERRORS, pace, key.child("sensor")) if "sensor" in parts else None,
            faults=FaultStream(FAULTS, ColumnFacts({}, -9.0, 9.0), key, key.child("all"))
            if "faults" in parts
            else None,
            multiplicative="multiplicative" in parts,
        )
        made.append(Chain({0: link}, pace))
    return made


@pytest.mark.parametrize("what", [(), ("sensor",), ("faults",), ("sensor", "faults"), ("multiplicative",)])
def test_rows_of_many_entities_are_those_of_each(what):
    rng = np.random.default_rng(3)
    together, apart = chains(**dict.fromkeys(what)), chains(**dict.fromkeys(what))
    last = np.zeros(STREAMS)
    struck = 0
    for _ in range(8):
        present = np.sort(rng.choice(STREAMS, rng.integers(1, STREAMS + 1), replace=False))
        counts = rng.integers(1, 200, present.size)
        clean = rng.normal(size=counts.sum())
        clean[::17] = np.nan
        times = [
            last[place] + np.cumsum(rng.exponential(0.01, count)) for place, count in zip(present, counts, strict=True)
        ]
        last[present] = [own[-1] for own in times]
        made = take_together([together[place] for place in present], counts, Rows({0: clean}, np.concatenate(times)))
        pieces = np.split(clean, np.cumsum(counts)[:-1])
        own = [apart[at].take(Rows({0: x}, t)) for at, x, t in zip(present, pieces, times, strict=True)]
        assert np.array_equal(made.values[0], np.concatenate([one.values[0] for one in own]), equal_nan=True)
        if "faults" in what:
            assert np.array_equal(made.faulty[0], np.concatenate([one.faulty[0] for one in own]))
            assert np.array_equal(made.missing[0], np.concatenate([one.missing[0] for one in own]))
            struck += np.count_nonzero(made.faulty[0])
    assert bool(struck) == ("faults" in what)


def number(rng, kind):
    """Return a cell: a number in one of the forms that people write, or nearly one."""
    chance = rng.random()
    if kind == "rubbish":
        return "".join(rng.choice(list("0123456789.-+"), rng.integers(1, 14)))
    if kind == "whole":
        return str(rng.integers(-(10 ** rng.integers(1, 16)), 10 ** rng.integers(1, 16)))
    value = float(rng.normal() * 10.0 ** rng.integers(-3, 6))
    text = f"{value:.4f}" if kind == "fixed" else repr(round(value, int(rng.integers(0, 6))))
    return "+" + text.lstrip("-") if chance < 0.02 else text.replace("0.", ".") if chance > 0.98 else text


@compiled_only
@pytest.mark.parametrize("kind", ["fixed", "varied", "whole", "rubbish"])
def test_digits_are_read_as_arrow_reads_them(kind):
    rng, fast = np.random.default_rng(4), 0
    for _ in range(400):
        cells = [number(rng, kind) for _ in range(rng.integers(1, 4 if kind == "rubbish" else 30))]
        data = np.frombuffer("".join(f"1.5,{cell}\n" for cell in cells).encode(), np.uint8)
        sizes = np.array([len(cell) for cell in cells])
        ends = np.cumsum(sizes + 5) - 1
        starts, ends = (ends - sizes).astype(np.int32), ends.astype(np.int32)
        made, truth = _plain(data, starts, ends, "."), parse(data, starts, ends, decimal=".")
        if made is None:
            continue
        fast += 1
        assert truth.count == len(cells), cells
        assert np.array_equal(made.values.view(np.int64), truth.values.view(np.int64)), cells
        assert (made.style, made.count, made.stray) == (truth.style, truth.count, truth.stray)
    assert fast > (20 if kind == "rubbish" else 300)
