"""The depth meter on functions whose longest path can be counted by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import ShapeDtypeStruct, lax

from jaxlab.analysis.serial_depth import after, flops, measure, product_flops, serial_depth
from jaxlab.models.circuits.gates import Gates
from jaxlab.models.circuits.local import Local
from jaxlab.models.circuits.tree import Tree
from jaxlab.models.circuits.window import Window
from jaxlab.models.recurrent import Recurrent
from jaxlab.models.state_space import StateSpace


def numbers(*shape):
    return ShapeDtypeStruct(shape, jnp.float32)


def mlp(x, first, second, third):
    return jax.nn.relu(jax.nn.relu(x @ first) @ second) @ third


def test_the_published_example():
    """One input, two hidden layers of eight, one output: 2 + 5 + 4."""
    shapes = numbers(1, 1), numbers(1, 8), numbers(8, 8), numbers(8, 1)
    assert serial_depth(mlp, *shapes) == 11
    assert flops(mlp, *shapes) == (16 + 8) + (128 + 8) + 16
    assert product_flops(mlp, *shapes) == 16 + 128 + 16


@pytest.mark.parametrize(
    ("function", "shape", "depth"),
    [
        (lambda x: x, (3,), 0),
        (lambda x: jnp.zeros(3), (3,), 0),
        (lambda x: x[::-1].reshape(2, 2).T, (4,), 0),
        (lambda x: jnp.tanh(x * x + 1), (4,), 3),
        (jnp.sum, (5, 5), 5),
        (jnp.cumsum, (9,), 4),
        (lambda x: jnp.dot(x, x), (6,), 4),
        (lambda x: lax.conv(x, jnp.ones((7, 4, 3)), (1,), "SAME"), (1, 4, 10), 5),
        (jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), (2,), 2),
        (lambda x: lax.cond(x[0] > 0, jnp.sin, lambda x: x * x + x, x), (2,), 2),
        (lambda x: lax.map(lambda y: jnp.sin(jnp.sin(y)), x), (50,), 2),
        (lambda x: lax.fori_loop(0, 50, lambda _, y: jnp.sin(y) + x, x), (2,), 100),
        (lambda x: lax.fori_loop(0, 0, lambda _, y: jnp.sin(y), jnp.exp(x)), (2,), 1),
        (lambda x: lax.associative_scan(jnp.add, x), (64,), 18),  # down, up, interleave: 3 log₂ n
    ],
)
def test_a_path_counted_by_hand(function, shape, depth):
    assert serial_depth(function, numbers(*shape)) == depth


def test_a_scan_follows_its_carries_and_nothing_else():
    def step(carry, x):
        total, last = carry
        return (total + jnp.sin(x), jnp.exp(x)), total * last

    def run(x):
        return lax.scan(step, (0.0, 0.0), x)

    assert serial_depth(lambda x: run(x)[1], numbers(10)) == 1 + 9 + 1  # the first total is known
    assert serial_depth(lambda x: run(x)[0][1], numbers(10)) == 1
    assert flops(run, numbers(10)) == 40


def test_a_chain_of_carries_is_as_long_as_the_chain():
    """A value that moves one carry further each turn grows only while it moves."""

    def step(carry, _):
        a, b, _ = carry
        return (a, a * a, b * b), None

    def run(a):
        return lax.scan(step, (a, 0.0, 0.0), None, length=20)[0]

    assert serial_depth(run, numbers()) == 2


def test_what_hangs_on_the_known_alone_is_no_depth():
    shapes = numbers(4), numbers(4)
    assert serial_depth(lambda x, w: x * jnp.exp(jnp.exp(w)), *shapes) == 1
    assert serial_depth(lambda w, x: x * jnp.exp(jnp.exp(w)), *shapes) == 3


def test_an_unknown_primitive_is_counted_with_a_warning_that_names_it():
    with pytest.warns(UserWarning, match="counts 'sort', for which it has no rule"):
        assert serial_depth(lambda x: jnp.sort(x) + 1, numbers(4)) == 2
    with pytest.warns(UserWarning, match="'sort'"):
        assert flops(jnp.sort, numbers(4)) == 4


def test_a_loop_of_unknown_length_counts_as_one_turn_with_a_warning():
    def loop(x):
        return lax.while_loop(lambda y: y < 9, lambda y: jnp.sin(y) + x, x)

    with pytest.warns(UserWarning, match="a loop of unknown length as one turn"):
        assert serial_depth(loop, numbers()) == 2
    with pytest.warns(UserWarning, match="a loop of unknown length as one turn"):
        assert flops(loop, numbers()) == 2


def test_a_scan_in_a_form_that_a_newer_jax_may_bring_is_counted_with_a_warning():
    def scan(x):
        return lax.scan(lambda carry, y: (carry + y, None), 0.0, x)[0]

    jaxpr = jax.make_jaxpr(scan)(numbers(5)).jaxpr
    (equation,) = (e for e in jaxpr.eqns if e.primitive.name == "scan")
    params = {k: v for k, v in equation.params.items() if k not in ("num_consts", "ft_in")}
    unknown = equation.replace(params=params)
    depth = np.zeros(1)
    with pytest.warns(UserWarning, match="counts 'scan', for which it has no rule"):
        (found,) = after(unknown, [depth] * len(equation.invars), depth)
    assert found == 1


CIRCUIT = Local(vocabulary=2, classes=2, width=16, depth=2, tied=False, hard=False)


def test_the_work_is_that_of_the_compiled_function():
    params = jax.eval_shape(CIRCUIT.init, jax.random.key(0))
    compiled = jax.jit(CIRCUIT.apply).lower(params, ShapeDtypeStruct((1, 32), jnp.int32)).compile()
    cost = measure(CIRCUIT, 32)
    analysis = compiled.cost_analysis()
    assert analysis is not None
    assert cost.flops == analysis["flops"]
    assert cost.parameters == sum(leaf.size for leaf in jax.tree.leaves(params))


def test_depth_of_a_ring_circuit_is_linear_in_layers_and_logarithmic_in_width():
    def depth(length=32, **sizes):
        return measure(dataclasses.replace(CIRCUIT, **sizes), length).serial_depth

    layer = 7 + 2 + 5 + 2  # 48 products, bias, ReLU, 16 products, bias, residual
    assert [depth(depth=d) for d in (1, 2, 8)] == [8 + layer * d for d in (1, 2, 8)]
    assert depth(width=64) == depth() + 2 * 5  # five products with four times the terms
    assert depth(length=64) == depth() == depth(tied=True)


FAMILIES = (
    CIRCUIT,
    Window(vocabulary=2, classes=2, length=32, width=16, depth=2),
    Tree(vocabulary=2, classes=2, features=8, width=16, fan_in=2, depth=2, tied=True),
    Gates(classes=2, width=16, depth=2, wiring=0, hard=False),
    StateSpace(vocabulary=2, classes=2, width=16, depth=2, signed=True),
    Recurrent(vocabulary=2, classes=2, width=16, depth=2, cell="gru"),
    Recurrent(vocabulary=2, classes=2, width=16, depth=2, cell="lstm"),
)


@pytest.mark.parametrize("model", FAMILIES, ids=lambda model: type(model).__name__)
def test_depth_is_linear_in_layers_and_grows_with_the_logarithm_of_the_width(model):
    def depth(**sizes):
        return measure(dataclasses.replace(model, **sizes), 32).serial_depth

    layer = depth(depth=2) - depth(depth=1)
    assert layer > 0
    assert depth(depth=5) - depth(depth=2) == 3 * layer
    fourfold = [depth(width=width) for width in (16, 64, 256)]
    assert fourfold[2] - fourfold[1] == fourfold[1] - fourfold[0] <= fourfold[0] / 2
