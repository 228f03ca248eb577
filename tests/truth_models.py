"""What becomes of a value by each model of noise, from scipy: the reference that the tables and floats are held to."""

import numpy as np
from scipy import stats

from augkit.dependent import SaltAndPepper, Sensor, Shot, Speckle
from tests.laws import REFERENCES


def beyond(share, model, edges):
    """P(noisy >= edge) of a share of full range, for edges in shares: counts, mixtures, a scaled law, three steps."""
    if isinstance(model, Shot):
        return stats.poisson(share * model.photons).sf(np.ceil(edges * model.photons) - 1)
    if isinstance(model, Sensor):
        mean, reach = share * model.white, 12 * np.sqrt(share * model.white) + 50
        count = np.arange(max(0.0, np.floor(mean - reach)), mean + reach)
        above = stats.norm.sf((edges[:, np.newaxis] * model.white - count) / model.read_noise)
        return above @ stats.poisson(mean).pmf(count)
    if isinstance(model, SaltAndPepper):
        return np.where(share >= edges, 1 - model.amount, 0) + model.amount * model.salt
    scale = model.scale * (share if isinstance(model, Speckle) else 1)
    return REFERENCES[model.law].sf((edges - share) / scale) if scale else (edges <= share).astype(float)
