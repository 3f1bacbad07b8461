import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxlab.experiment import Shared
from jaxlab.training.sharing import layouts


def make(batch, values, batch_id):
    return {}


ENTRIES = (Shared((), make), Shared(("a",), make), Shared(("a", "b"), make))


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6),
    devices=st.integers(1, 4),
)
def test_every_member_finds_its_own_combination_and_that_its_parents(rows, devices):
    rows = np.array(rows * devices, dtype=float)
    values = {"a": rows[:, 0], "b": rows[:, 1]}
    found = layouts(ENTRIES, values, devices)
    per_device = len(rows) // devices
    for member in range(len(rows)):
        device = member // per_device
        for number, (entry, layout) in enumerate(zip(ENTRIES, found, strict=True)):
            width = len(layout.parent_U) // devices
            own = device * width + layout.member_M[member]
            for key in entry.depends:
                assert layout.values_U[key][own] == values[key][member]
            if number:
                parent = found[number - 1]
                at = device * (len(parent.parent_U) // devices) + layout.parent_U[own]
                for key in ENTRIES[number - 1].depends:
                    assert parent.values_U[key][at] == values[key][member]


def test_96_cells_with_5_seeds_draw_5_inputs_and_40_targets():
    temperature, rate, seed = np.meshgrid(np.logspace(-3, 0, 8), np.arange(12.0), np.arange(5))
    values = {"seed": seed.ravel(), "T": temperature.ravel(), "rate": rate.ravel()}
    inputs, targets = layouts((Shared(("seed",), make), Shared(("seed", "T"), make)), values, 1)
    assert (len(values["seed"]), len(inputs.parent_U), len(targets.parent_U)) == (480, 5, 40)


def test_an_entry_must_depend_on_what_it_builds_on():
    values = {"a": np.zeros(2), "b": np.zeros(2)}
    with pytest.raises(ValueError, match="name those too"):
        layouts((Shared(("a",), make), Shared(("b",), make)), values, 1)
    with pytest.raises(ValueError, match="not in config"):
        layouts((Shared(("c",), make),), values, 1)
