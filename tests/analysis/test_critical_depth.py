"""Laws of depth on planted answers."""

import numpy as np
import pytest

from jaxlab.analysis.critical_depth import LAWS, critical_depths, depth_law

SIZES = np.array([1, 2, 3, 4, 6, 8, 12, 16])


def planted(name, a, b, noise=0.0, seeds=3):
    random = np.random.default_rng(0)
    exact_X = a + b * LAWS[name](SIZES.astype(float))
    return exact_X + noise * random.normal(size=(seeds, SIZES.size))


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_planted_law_is_chosen_and_its_slope_lies_in_the_interval(name, noise):
    b = 0.0 if name == "constant" else 1.5
    law = depth_law(SIZES, planted(name, 2.0, b, noise))
    assert law.name == name
    assert law.slope.low - 1e-9 <= b <= law.slope.high + 1e-9
    np.testing.assert_allclose(law.predict(SIZES), 2.0 + b * LAWS[name](SIZES + 0.0), atol=0.5)
    assert all(law.miss_S[name].mean() <= miss_S.mean() for miss_S in law.miss_S.values())


def test_layers_are_whole_yet_a_logarithm_is_told_from_a_line():
    assert depth_law(SIZES, np.ceil(planted("logarithmic", 1.0, 1.0))).name == "logarithmic"
    assert depth_law(SIZES, np.ceil(planted("linear", 0.0, 0.5))).name == "linear"


def test_the_critical_depth_is_the_first_that_reaches_the_level():
    accuracy_SxD = [[0.6, 0.94, 0.95, 1.0], [0.6, 0.99, 0.7, 1.0], [0.5, 0.5, 0.5, 0.5]]
    np.testing.assert_array_equal(critical_depths([1, 2, 4, 8], accuracy_SxD), [4, 2, np.inf])
    np.testing.assert_array_equal(
        critical_depths([1, 2, 4, 8], accuracy_SxD, level=0.98), [8, 2, np.inf]
    )


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match=r"no depth reached the sizes \[16.0\]"):
        depth_law(SIZES, np.append(planted("linear", 0, 1)[:, :-1], [[np.inf]] * 3, axis=1))
    with pytest.raises(ValueError, match="needs 3 ascending"):
        depth_law([1, 2, 3, 4], np.ones((2, 4)))
    with pytest.raises(ValueError, match="do not fit"):
        depth_law(SIZES, np.ones((2, 4)))
    with pytest.raises(ValueError, match="do not fit"):
        critical_depths([1, 2], np.ones((3, 3)))
    with pytest.raises(ValueError, match="ascend"):
        critical_depths([2, 1], np.ones((3, 2)))
