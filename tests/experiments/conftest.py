"""What the tests of claims and of reports share."""

from functools import cache

import pytest

from experiments.one_third import measures


@pytest.fixture(scope="session", autouse=True)
def static_slopes_once():
    """Samples the static theory once; it depends on no study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "static_slopes", cache(measures.static_slopes))
        yield
