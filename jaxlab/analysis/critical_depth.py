"""The depth that a size needs: where accuracy is reached, and by which law depth goes with size.

Three laws, each depth = a + b f(n) by least squares: f is 0, log2 n or n. They are told apart on
sizes that no fit has seen, the largest: inside the fitted range a line and a logarithm look alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.interval import Interval, student_interval

LAWS: dict[str, Callable[[NDArray], NDArray]] = {
    "constant": np.zeros_like,
    "logarithmic": np.log2,
    "linear": lambda size: size,
}


@dataclass(frozen=True)
class DepthLaw:
    """How depth goes with size.

    Attributes:
      name: of the law in LAWS that misses the held-out depths least, on the mean over seeds.
      slope_S: b of each law over all sizes and each seed: layers per unit of size or per doubling.
      intercept: a of the same fit, the mean over seeds.
      miss_S: of each law, the root mean square by which it misses each seed's held-out depths.
    """

    name: str
    slope_S: dict[str, NDArray]
    intercept: float
    miss_S: dict[str, NDArray]

    @property
    def slope(self) -> Interval:
        """The slope of the law that was chosen, over seeds."""
        return student_interval(self.slope_S[self.name])

    def predict(self, size: ArrayLike) -> NDArray:
        """Returns the depth at sizes."""
        return self.intercept + self.slope.value * LAWS[self.name](np.asarray(size, np.float64))


def critical_depths(
    depth_D: ArrayLike, accuracy_SxD: ArrayLike, *, level: float = 0.95
) -> NDArray[np.float64]:
    """Returns the least depth at which each seed has an accuracy of `level`, [S]; inf for none.

    A deeper model may fail again, for want of learning: that is another matter.

    Args:
      depth_D: ascending.
      accuracy_SxD: of each seed at each depth.
      level: above every ceiling of what is too shallow.
    """
    depth_D, accuracy_SxD = np.asarray(depth_D, np.float64), np.asarray(accuracy_SxD, np.float64)
    if accuracy_SxD.ndim != 2 or accuracy_SxD.shape[1:] != depth_D.shape:
        raise ValueError(
            f"accuracies [seeds, depths] {accuracy_SxD.shape} do not fit {depth_D.shape} depths"
        )
    if (np.diff(depth_D) <= 0).any() or not np.isfinite(accuracy_SxD).all():
        raise ValueError("depths must ascend, and every accuracy be a number")
    reached_SxD = accuracy_SxD >= level
    return np.where(reached_SxD.any(axis=1), depth_D[np.argmax(reached_SxD, axis=1)], np.inf)


def depth_law(size_X: ArrayLike, depth_SxX: ArrayLike, *, held_out: int = 2) -> DepthLaw:
    """Chooses the law of depths by the largest sizes, which no fit of the choice has seen.

    Args:
      size_X: ascending and positive, at least 3 more than are held out.
      depth_SxX: see `critical_depths`.
      held_out: how many sizes.

    Raises:
      ValueError: a size that no depth reached, or too few sizes.
    """
    size_X, depth_SxX = np.asarray(size_X, np.float64), np.asarray(depth_SxX, np.float64)
    if depth_SxX.ndim != 2 or depth_SxX.shape[1:] != size_X.shape:
        raise ValueError(f"depths [seeds, sizes] {depth_SxX.shape} do not fit {size_X.shape} sizes")
    if held_out < 1 or size_X.size < held_out + 3 or (np.diff(size_X) <= 0).any() or size_X[0] <= 0:
        raise NotMeasurable(
            f"a law needs 3 ascending positive sizes beside the {held_out} held out, not {size_X}"
        )
    if not np.isfinite(depth_SxX).all():
        unreached = size_X[~np.isfinite(depth_SxX).all(axis=0)]
        raise NotMeasurable(
            f"no depth reached the sizes {unreached.tolist()}: there is no law of it"
        )
    miss_S = {}
    for name in LAWS:
        fitted = [_fit(name, size_X[:-held_out], depth_X[:-held_out]) for depth_X in depth_SxX]
        f_X = LAWS[name](size_X[-held_out:])
        missed = [a + b * f_X for a, b in fitted] - depth_SxX[:, -held_out:]
        miss_S[name] = np.sqrt(np.mean(missed**2, axis=1))
    chosen = min(LAWS, key=lambda name: round(float(miss_S[name].mean()), 9))
    fits = {name: [_fit(name, size_X, depth_X) for depth_X in depth_SxX] for name in LAWS}
    slope_S = {name: np.array([b for _, b in fits[name]]) for name in LAWS}
    return DepthLaw(chosen, slope_S, float(np.mean([a for a, _ in fits[chosen]])), miss_S)


def _fit(name: str, size_X: NDArray, depth_X: NDArray) -> tuple[float, float]:
    """Returns a and b of depth = a + b f(n)."""
    f_X = LAWS[name](size_X)
    deviation_X = f_X - f_X.mean()
    spread = float(deviation_X @ deviation_X)
    b = float(deviation_X @ depth_X) / spread if spread > 0 else 0.0
    return float(depth_X.mean() - b * f_X.mean()), b
