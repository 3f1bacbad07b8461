"""The loss of an aligned student at a given scale (arXiv 2602.03685), as plain numerics.

The student holds the teacher's directions and differs only in scale: its logits are beta * z and
the teacher's beta_star * z, where z are the unit logits of one input, one per class. Everything
then follows from ONE function of one number, the loss on hard labels (beta_star = inf),

    l(beta) = < ln sum_i exp(beta z_i) - beta max_i z_i >,     f(beta) = -dl/dbeta > 0, the force.

The KL divergence from a teacher of finite beta_star is the Bregman divergence of that function,

    L(beta; beta_star) = l(beta) - l(beta_star) + (beta - beta_star) f(beta_star),
    -dL/dbeta          = f(beta) - f(beta_star),

so one table of (beta, l, f) serves every temperature. In the paper's words, energies are -z and f
is the internal energy above the ground state, U(beta) - U(inf). What the paper does not state, or
states without proof, is marked "derived here".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy


@dataclass(frozen=True, eq=False)
class Statics:
    """The hard-label loss l and the force f = -dl/dbeta of one ensemble of unit logits.

    Three arrays (B,): `beta`, the standard deviation of the student's logits, which rises strictly,
    from 0 if wished; `loss` in nats; `force` in nats per unit of beta.
    """

    classes: int
    beta: np.ndarray
    loss: np.ndarray
    force: np.ndarray

    def __post_init__(self):
        if not (self.beta[0] >= 0 and np.all(np.diff(self.beta) > 0)):
            raise ValueError("beta must rise strictly from a value that is not negative")
        if not (np.all(self.loss > 0) and np.all(self.force > 0)):
            raise ValueError(
                f"the loss or the force vanishes or is NaN below beta = {self.beta[-1]:g}: "
                "take more inputs or a smaller largest beta"
            )

    def at(
        self, beta: float | np.ndarray, beta_star: float = np.inf
    ) -> tuple[np.ndarray, np.ndarray]:
        """L and -dL/dbeta of students at `beta` (any shape) with a teacher at `beta_star`.

        Differences lose what lies below 1e-15 nats. Raises ValueError outside the table.
        """
        loss, force = self._hard(beta)
        if np.isinf(beta_star):
            return loss, force
        loss_star, force_star = self._hard(beta_star)
        return loss - loss_star + (beta - beta_star) * force_star, force - force_star

    def _hard(self, beta: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = self.beta[[0, -1]]
        if not (np.min(beta) >= low and np.max(beta) <= high):
            raise ValueError(
                f"beta from {np.min(beta):g} to {np.max(beta):g} is asked of a table "
                f"from {low:g} to {high:g}: widen it"
            )
        log_loss, slope = self._log_loss
        loss = np.exp(log_loss(np.log1p(beta)))
        return loss, -loss * slope(np.log1p(beta)) / (1 + np.asarray(beta))

    @cached_property
    def _log_loss(self) -> tuple[scipy.interpolate.PPoly, scipy.interpolate.PPoly]:
        # ln l over ln(1 + beta) bends gently from beta = 0 to the power law. One spline serves
        # both, so that f is exactly the slope of l between the nodes too, and L cannot go astray.
        slope_B = -self.force * (1 + self.beta) / self.loss
        spline = scipy.interpolate.CubicHermiteSpline(
            np.log1p(self.beta), np.log(self.loss), slope_B
        )
        return spline, spline.derivative()


def beta_grid(beta_max: float, points: int = 129) -> np.ndarray:
    """Scales from 0 to `beta_max`, even in ln(1 + beta).

    With 129 of them up to 1000, a table is read to 1e-6 in the loss and 1e-5 in the force.
    """
    rise_B = np.expm1(np.linspace(0, np.log1p(beta_max), points))
    return beta_max * (rise_B / rise_B[-1])


def gap_density_at_zero(classes: int) -> float:
    """Density, at zero, of the gap between the best and the second of n unit Gaussian logits.

    rho(0) = n (n-1) int phi(z)^2 Phi(z)^(n-2) dz, which for Gaussians equals <max_i z_i> (integrate
    by parts). That it is not zero is what makes the loss a power law (arXiv 2602.03685).
    """
    n = _at_least_two(classes)
    z = np.linspace(-10, 10, 2001)
    log_integrand = (n - 2) * scipy.special.log_ndtr(z) - z**2 - np.log(2 * np.pi)
    return float(n * (n - 1) * np.trapezoid(np.exp(log_integrand), z))


def gaussian_statics(classes: int, beta_B: np.ndarray) -> Statics:
    """Statics of independent unit Gaussian logits by quadrature: nothing is drawn.

    <ln Z> is the mean of max_i (beta z_i + G_i), G_i standard Gumbel, less Euler's gamma; and as
    beta z_i is Gaussian, d<ln Z>/dbeta = n (n-1) beta int K^(n-2) (K')^2 dt, K the distribution
    function of one beta z + G (derived here). As beta grows that becomes the gap density at zero.
    Rounding leaves relative errors of about 1e-16 n beta^2 in the loss and the force.
    """
    beta_B = np.asarray(beta_B, float)
    log_z_B, energy_B = np.array([_gaussian_log_z(classes, beta) for beta in beta_B]).T
    best = gap_density_at_zero(classes)
    return Statics(classes, beta_B, log_z_B - beta_B * best, best - energy_B)


# A trapezoid sum of a smooth function that dies at both ends converges exponentially in the step;
# these grids, and the one below, leave relative errors around 1e-13.
_GAUSS_G = np.linspace(-9, 9, 91)
_GAUSS_WEIGHT_G = 0.2 * np.exp(-(_GAUSS_G**2) / 2) / np.sqrt(2 * np.pi)
_GUMBEL_G = np.linspace(-4, 40, 221)
_GUMBEL_WEIGHT_G = 0.2 * np.exp(-_GUMBEL_G - np.exp(-_GUMBEL_G))


def _gaussian_log_z(n: int, beta: float) -> tuple[float, float]:
    """<ln Z> of n independent unit Gaussian logits and its derivative in beta, -U."""
    t_T = np.linspace(-9 * beta - 4, 9 * beta + 45, 801)
    if beta < 1:  # sum over the narrower of the two variables: the wider one is smooth on its scale
        u_TxG = t_T[:, None] - beta * _GAUSS_G
        cdf_T = np.exp(-np.exp(-u_TxG)) @ _GAUSS_WEIGHT_G
        density_T = np.exp(-u_TxG - np.exp(-u_TxG)) @ _GAUSS_WEIGHT_G
    else:
        u_TxG = (t_T[:, None] - _GUMBEL_G) / beta
        cdf_T = scipy.special.ndtr(u_TxG) @ _GUMBEL_WEIGHT_G
        density_T = np.exp(-(u_TxG**2) / 2) @ _GUMBEL_WEIGHT_G / (beta * np.sqrt(2 * np.pi))
    mean_max = np.trapezoid(t_T * n * cdf_T ** (n - 1) * density_T, t_T)
    tie_density = np.trapezoid(n * (n - 1) * cdf_T ** (n - 2) * density_T**2, t_T)
    return float(mean_max - np.euler_gamma), float(beta * tie_density)


def gaussian_entropy(classes: int, beta: float) -> float:
    """Mean entropy, nats, of a softmax over n independent Gaussian logits of deviation `beta`."""
    log_z, energy = _gaussian_log_z(_at_least_two(classes), beta)
    return log_z - beta * energy


def sampled_statics(logits_SxN: np.ndarray, beta_B: np.ndarray) -> Statics:
    """Statics of the teacher, or the teachers, that gave S inputs these unit logits.

    At large beta only the near ties count, a share rho(0) / beta of the inputs, so the relative
    error of the loss grows as 0.4 sqrt(beta / S): 1 % at beta = 30 takes 50 000 inputs.
    """
    beta_B = np.asarray(beta_B, float)
    gap_SxN = logits_SxN.max(axis=1, keepdims=True) - logits_SxN
    loss_B, force_B = np.empty((2, len(beta_B)))
    for b, beta in enumerate(beta_B):
        boltzmann_SxN = np.exp(-beta * gap_SxN)
        z_S = boltzmann_SxN.sum(axis=1)
        loss_B[b] = np.log(z_S).mean()
        force_B[b] = (np.einsum("sn,sn->s", gap_SxN, boltzmann_SxN) / z_S).mean()
    return Statics(logits_SxN.shape[1], beta_B, loss_B, force_B)


def teacher_logits(rng: np.random.Generator, weights_NxM: np.ndarray, inputs: int) -> np.ndarray:
    """Unit logits, (inputs, N), of one teacher of the trained toy model (arXiv 2602.03685).

    Inputs are Gaussian, then RMS-normalised; weights are scaled to the Frobenius norm sqrt(N), so
    that a student W stands at beta = |W|_F / sqrt(N), the root-mean-square of its logits.
    """
    classes, dims = weights_NxM.shape
    x_SxM = rng.standard_normal((inputs, dims))
    x_SxM *= np.sqrt(dims) / np.linalg.norm(x_SxM, axis=1, keepdims=True)
    return x_SxM @ weights_NxM.T * (np.sqrt(classes) / np.linalg.norm(weights_NxM))


def gaussian_teacher_logits(
    rng: np.random.Generator,
    draws: int = 10,
    inputs: int = 1024,
    classes: int = 128,
    dims: int = 32,
) -> np.ndarray:
    """Unit logits, (draws * inputs, classes), as in the static figure (arXiv 2602.03685, Fig. 3).

    A fresh teacher N(0, 1/dims) in each draw; inputs N(0, 1), not normalised.
    """
    weights_DxNxM = rng.standard_normal((draws, classes, dims)) / np.sqrt(dims)
    x_DxSxM = rng.standard_normal((draws, inputs, dims))
    return np.reshape(x_DxSxM @ weights_DxNxM.transpose(0, 2, 1), (-1, classes))


def _at_least_two(classes: int) -> int:
    if classes < 2:
        raise ValueError(f"a softmax needs at least two classes, got {classes}")
    return classes
