"""What noise lies between two recordings, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from augkit.audio.blocks import Block, Samples, even, finite_or_none
from augkit.audio.formats import Recording
from augkit.audio.formats.coding import Coding, recode
from augkit.audio.item import naming
from augkit.audio.loudness import RMS, Place, decibels
from augkit.audio.loudness.rms import ChannelPower
from augkit.audio.render import UNKNOWN, Levels
from augkit.unit_noise import PIECE, noise_dtype


def difference(pair: Sequence[Recording], common: Coding) -> Levels:
    """Measure the noise of the second recording over the first, in the unit of a subtype that holds both.

    Returns
    -------
    dict
        ``snr_db``, ``std``, ``psnr_db`` and ``clipped``, as in the row of an output; None for what is infinite.
    """
    place = Place(pair[0].encoding.channels, pair[0].encoding.samplerate, common.full_scale)
    energy, power = ChannelPower(place), ChannelPower(place)
    limits = common.limits if common.kind == "pcm" else None
    clipped = samples = 0
    for clean, noisy in zip(*(recoded(recording, common) for recording in pair), strict=True):
        with np.errstate(invalid="ignore"):
            noise = np.subtract(noisy, clean, dtype=noise_dtype(clean.dtype))
        energy.add(Block(clean, finite_or_none(clean)))
        power.add(Block(noise, finite_or_none(noise)))
        samples += clean.size
        if limits is not None:
            clipped += int(np.count_nonzero(((noisy <= limits[0]) | (noisy >= limits[1])) & (noise != 0)))
    if not samples:
        return dict(UNKNOWN)
    level = float(power.whole()[0])
    return {
        "snr_db": decibels(RMS.ratio(energy.whole(), power.whole())),
        "std": math.sqrt(level) / common.full_scale,
        "psnr_db": 10 * math.log10(common.full_scale**2 / level) if level else None,
        "clipped": clipped / samples,
    }


def recoded(recording: Recording, common: Coding) -> Iterator[Samples]:
    """Yield even blocks of a recording in the unit of another subtype."""
    with naming(recording.path):
        step = max(1, PIECE // recording.encoding.channels)
        for block in even(recording.blocks(step), step):
            yield recode(block, recording.encoding.coding, common)
