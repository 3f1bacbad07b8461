"""How alike the errors of parallel streams are, from three losses (arXiv 2505.10475, equation 4).

A stream predicts p (1 + Δ) where p is true, which costs E_p[Δ²] / 2 above the entropy E of p, up to
higher orders in Δ. The mean of P predictions has the mean of P such Δ. If these are equally
correlated, by ρ, its variance is [(P - 1) ρ + 1] / P of one, and so is its excess loss. That is
equation 4 without its powers of 1/α.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.estimate import NotMeasurable


def residual_correlation(
    stream_loss: ArrayLike, ensemble_loss: ArrayLike, floor: ArrayLike, streams: ArrayLike
) -> NDArray[np.float64]:
    """Returns the correlation ρ of the relative residuals of the streams' predictions.

    It is 1 where averaging gains nothing and 0 where excess losses fall as 1/P; it cannot be below
    -1/(P - 1). A floor that is too low brings it near 1. Arguments broadcast; losses are in nats.

    Args:
      stream_loss: mean loss of the streams, each read out alone.
      ensemble_loss: loss of the mean of their predicted probabilities.
      floor: entropy E of the truth, or the E of a fitted law.
      streams: their number P, at least 2.

    Raises:
      ValueError: there are fewer than 2 streams, or a stream's loss is not above the floor.
    """
    stream, ensemble, low, count = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (stream_loss, ensemble_loss, floor, streams))
    )
    if np.any(count < 2):
        raise ValueError(f"a correlation needs at least 2 streams, got {count.min():g}")
    if np.any(stream <= low):
        worst = np.argmin(stream - low)
        raise NotMeasurable(
            f"stream_loss {stream.flat[worst]:.6g} is not above the floor {low.flat[worst]:.6g}: "
            "the floor is not that of these losses"
        )
    return (count * (ensemble - low) / (stream - low) - 1) / (count - 1)
