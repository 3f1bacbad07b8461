"""What softmax and cross-entropy should do in time on a peaked target (arXiv 2602.03685).

The laws of n classes, the aligned gradient flow and the sharpness of a language model's target, as
plain numerics to lay over trained curves. `statics` defines beta, the loss and the force.
"""

import math

import numpy as np
import scipy

from jaxlab.analysis.statics import Statics, gap_density_at_zero, gaussian_entropy


def c0(classes: int) -> float:
    """The beta below which a softmax over independent logits is smooth, sqrt(2 ln n).

    It is also the leading term of the ground state, U(inf) = -c0 + ... (arXiv 2602.03685).
    """
    return math.sqrt(2 * math.log(classes))


def c2(classes: int) -> float:
    """The constant of the low-temperature law l = c2 / beta, f = c2 / beta^2 (arXiv 2602.03685).

    There only the two best classes matter, so c2 = rho(0) int_0^inf ln(1 + e^-u) du
    = (pi^2 / 12) rho(0) (derived here; arXiv 2609.37745 uses the same).
    """
    return math.pi**2 / 12 * gap_density_at_zero(classes)


def exponential_rate(classes: int) -> float:
    """The rate at which a flat target (beta_star < c0) is learnt: L ~ exp(-2 tau / n).

    There f(beta) = f(0) - beta up to 1/n, so beta_star - beta decays at the rate 1/n and its
    square, the loss, at 2/n per unit of tau (derived here).
    """
    return 2 / classes


def finite_temperature_exponent(u: float | np.ndarray) -> float | np.ndarray:
    """The local exponent -dlnL/dlntau at u = beta / beta_star in [0, 1): (1/3)(1+u)/(1-u).

    L = (c2/beta)(1-u)^2 falls with beta by the exponent (1+u)/(1-u), and beta grows as tau^(1/3)
    (derived here). That growth slows as the student nears the teacher: the aligned flow itself has
    (1+u)^2 (artanh(u) - u) / u^3, which is lower by 0.4 % at u = 0.1, 4 % at 0.3, 11 % at 0.5.
    """
    if not np.all((np.asarray(u) >= 0) & (np.asarray(u) < 1)):
        raise ValueError(f"u = beta/beta_star must lie in [0, 1), got {u}")
    return (1 + u) / (3 * (1 - u))


def one_third_regime(classes: int, beta_star: float = math.inf) -> tuple[float, float]:
    """The lowest and highest beta where 1/3 is true to about 10 %: 2 c0 and 0.05 beta_star.

    The paper's intermediate regime c0 << beta << beta_star with numbers (derived here). The lowest
    exceeds the highest when beta_star < 40 c0: no stretch of such a run can show 1/3.
    """
    return 2 * c0(classes), 0.05 * beta_star


def aligned_flow(
    tau_T: np.ndarray,
    statics: Statics,
    beta_star: float = math.inf,
    c_eff: float = 1.0,
    beta0: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Scale beta(tau) and loss L(tau), both (T,), of an aligned student in gradient flow.

    d beta / d tau = -(c_eff / n) dL/dbeta, since |W|_F^2 = n beta^2 (arXiv 2602.03685); tau is the
    sum of learning rates, and c_eff = 1 for SGD. For c0 << beta << beta_star it solves to
    beta = (3 c2 c_eff tau / n)^(1/3) and L = c2 / beta ~ tau^(-1/3).

    Raises ValueError for times that do not rise, a student beyond its teacher, and a flow that
    leaves the table of `statics`.
    """
    tau_T = np.asarray(tau_T, float)
    if not (tau_T[0] >= 0 and tau_T[-1] > 0 and np.all(np.diff(tau_T) > 0)):
        raise ValueError("tau must rise strictly from a value that is not negative to one above 0")
    if not beta0 <= beta_star:
        raise ValueError(
            f"the student starts at beta0 = {beta0:g}, beyond beta_star = {beta_star:g}"
        )
    beta_max = statics.beta[-1]

    def velocity(tau: float, beta_1: np.ndarray) -> np.ndarray:
        # The solver may try a point beyond the table; a flow that ends there is refused below.
        _, force_1 = statics.at(np.minimum(beta_1, beta_max), beta_star)
        return c_eff / statics.classes * force_1

    span = (0.0, tau_T[-1])
    flow = scipy.integrate.solve_ivp(
        velocity, span, [beta0], "LSODA", t_eval=tau_T, rtol=1e-9, atol=1e-12
    )
    beta_T = np.minimum(flow.y[0], beta_star)  # rounding could overshoot the fixed point
    return beta_T, statics.at(beta_T, beta_star)[0]


def margin_exponents(nu: float) -> tuple[float, float]:
    """Exponents of the falling loss and the growing beta when margins have a density ~ d^nu at 0.

    L ~ tau^-(nu+1)/(nu+3) and beta ~ tau^1/(nu+3), the force falling as tau^-(nu+2)/(nu+3): the
    1/3 of a peaked softmax is nu = 0, a margin density that does not vanish (arXiv 2609.37745).
    A hard gap is the limit of large nu: L ~ 1/tau up to logarithms, beta ~ ln tau.
    """
    if not nu > -1:
        raise ValueError(f"a density ~ d^nu has a mass only for nu > -1, got {nu}")
    return (nu + 1) / (nu + 3), 1 / (nu + 3)


def margin_flow(
    tau_T: np.ndarray, nu: float = 0.0, gap: float = 0.0, c: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scale beta, loss and force, each (T,), of two classes with given margins in gradient flow.

    d beta / d tau = c force from beta = 0, with the loss < ln(1 + e^(-beta d)) > of margins d of
    density (nu + 1) (d - gap)^nu on [gap, gap + 1], and force = -dL/dbeta. Exact up to rounding:
    Gauss-Legendre in ln(d - gap), which resolves every beta up to about 1e12 (derived here).

    Raises ValueError for times that do not rise, a density without a mass, and a negative gap.
    """
    tau_T = np.asarray(tau_T, float)
    if not (tau_T[0] >= 0 and tau_T[-1] > 0 and np.all(np.diff(tau_T) > 0)):
        raise ValueError("tau must rise strictly from a value that is not negative to one above 0")
    if not gap >= 0:
        raise ValueError(f"a gap below which there is no margin cannot be negative, got {gap}")
    lowest = -40 / margin_exponents(nu)[0]  # below e^lowest lies a share e^-40 of the loss or less
    node_G, weight_G = np.polynomial.legendre.leggauss(400)
    log_margin_G = (1 - node_G) * lowest / 2
    margin_G = gap + np.exp(log_margin_G)
    mass_G = -lowest / 2 * weight_G * (nu + 1) * np.exp((nu + 1) * log_margin_G)

    def force(beta_B: np.ndarray) -> np.ndarray:
        return scipy.special.expit(-np.multiply.outer(beta_B, margin_G)) @ (mass_G * margin_G)

    def velocity(_, beta_1: np.ndarray) -> np.ndarray:
        return c * force(beta_1)

    span = (0.0, tau_T[-1])
    flow = scipy.integrate.solve_ivp(
        velocity, span, [0.0], "LSODA", t_eval=tau_T, rtol=1e-9, atol=1e-12
    )
    beta_T = flow.y[0]
    return beta_T, np.logaddexp(0, -np.multiply.outer(beta_T, margin_G)) @ mass_G, force(beta_T)


def entropy_beta(classes: int, entropy: float) -> float:
    """The beta at which n Gaussian logits have this mean entropy (arXiv 2602.03685, Fig. 6).

    It turns the irreducible loss of a language model, in nats, into the sharpness of its target.
    Raises ValueError for entropies outside [0.01, ln n).
    """
    if not 0.01 <= entropy < math.log(classes):
        highest = math.log(classes)
        raise ValueError(f"entropy must lie in [0.01, ln n = {highest:.4g}) nats, got {entropy}")
    beta = scipy.optimize.brentq(lambda beta: gaussian_entropy(classes, beta) - entropy, 0, 1e4)
    return float(beta)  # pyright: ignore[reportArgumentType]
