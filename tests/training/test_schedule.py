import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.training.schedule import rate_fraction, tau

VALUES = {"schedule.warmup": 0.1, "schedule.decay": 0.2, "schedule.final": 0.1}


def fractions(name, steps, **values):
    values = {key: jnp.float32(value) for key, value in (VALUES | values).items()}
    return np.asarray(jax.jit(lambda s: rate_fraction(name, values, s, steps))(jnp.arange(steps)))


@pytest.mark.parametrize("name", ["constant", "linear", "cosine", "wsd"])
def test_warms_up_to_the_peak_and_ends_near_the_final_fraction(name):
    rates = fractions(name, 1000)
    np.testing.assert_allclose(rates[:100], np.arange(1, 101) / 100, rtol=1e-6)
    assert rates.max() == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(1.0 if name == "constant" else 0.1, abs=0.005)
    assert (np.diff(rates[100:]) <= 1e-6).all()


def test_wsd_is_stable_until_it_decays():
    rates = fractions("wsd", 1000)
    np.testing.assert_array_equal(rates[100:800], 1.0)
    assert rates[900] == pytest.approx(0.55, abs=1e-3)


def test_tau_of_the_pythia_schedule():
    """arXiv 2602.03685, Fig. 6: 1 % linear warm-up of 143 000 steps, cosine to a tenth."""
    steps = np.array([128, 256, 512, 1000, 2000, 3000, 6000])
    steps = np.append(steps, [12000, 16000, 32000, 48000, 79000, 143000])
    expected = [5.77, 23.0, 91.8, 350, 1285, 2285, 5282]  # as printed with the figure's data
    expected += [11242, 15172, 30254, 43749, 63428, 78579]
    values = {"schedule.warmup": [0.01], "schedule.decay": [0.0], "schedule.final": [0.1]}
    values["optimizer.learning_rate"] = [1.0]
    values = {key: np.array(value) for key, value in values.items()}
    np.testing.assert_allclose(tau("cosine", values, steps, 143_000)[0], expected, rtol=6e-4)
    # Warm-up alone, by hand: the sum of 1..128 over 1430.
    assert tau("cosine", values, np.array([128]), 143_000)[0, 0] == pytest.approx(
        128 * 129 / 2 / 1430
    )


def test_tau_is_the_sum_of_the_rates_for_each_member():
    members = {
        "schedule.warmup": np.array([0.0, 0.1, 0.0]),
        "schedule.decay": np.zeros(3),
        "schedule.final": np.array([0.1, 0.1, 0.1]),
        "optimizer.learning_rate": np.array([0.5, 0.1, 2.0]),
    }
    at = np.array([0, 1, 7, 50])
    taus = tau("linear", members, at, 50)
    for m in range(3):
        values = {key: value[m] for key, value in members.items() if key != "x"}
        rates = members["optimizer.learning_rate"][m] * fractions("linear", 50, **values)
        np.testing.assert_allclose(taus[m], [rates[:s].sum() for s in at], rtol=1e-5)


@pytest.mark.parametrize("power", [0.5, -0.5, 2.0])
def test_power_starts_at_the_first_rate_and_follows_its_offset(power):
    shape = {"schedule.power": power, "schedule.offset": 50.0}
    rates = fractions("power", 400, **shape, **{"schedule.warmup": 0.0})
    np.testing.assert_allclose(rates, (1 + np.arange(400) / 50) ** power, rtol=1e-5)
    warmed = fractions("power", 400, **shape)
    np.testing.assert_allclose(warmed[:40], np.arange(1, 41) / 40, rtol=1e-6)
    np.testing.assert_allclose(warmed[40:], rates[:360], rtol=1e-5)  # no jump


def test_tau_of_a_power_is_its_sum_and_grows_as_its_integral():
    members = {key: np.array([value, value]) for key, value in VALUES.items()}
    members |= {"schedule.warmup": np.zeros(2), "schedule.power": np.array([1.0, -0.5])}
    members |= {"schedule.offset": np.array([100.0, 10.0])}
    members |= {"optimizer.learning_rate": np.array([0.5, 3.0])}
    at = np.array([0, 1, 10, 2000])
    growing, falling = tau("power", members, at, 2000)
    arithmetic = 0.5 * (at + at * (at - 1) / 2 / 100)  # 1 + s/100 for s = 0, 1, ...
    np.testing.assert_allclose(growing, arithmetic, rtol=1e-5)
    integral = 3 * 2 * 10 * ((1 + 2000 / 10) ** 0.5 - 1)
    assert falling[-1] == pytest.approx(integral, rel=0.01)
