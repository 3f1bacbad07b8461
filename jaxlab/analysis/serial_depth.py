"""Serial depth and work of a JAX function, read off its jaxpr.

Serial depth is the number of two-input operations on the longest path from the inputs to an output,
as if there were processors without end; work (FLOPs) is the number of all. The rules are those of
opaque serial depth (arXiv 2603.09786; github.com/google-deepmind/serial_depth): an elementwise
operation is one deep, a reduction of n numbers ⌈log₂ n⌉, a product with n terms ⌈log₂ n⌉ + 1, what
moves data 0. Two differ: paths begin at the inputs that are named, as what hangs on parameters and
constants alone can be known beforehand, and a scan is as deep as its carries make it, so that a map
written as a scan is no deeper than its body. An array is as deep as its deepest element.

A primitive without a rule, such as one that a newer JAX brings, counts as one operation for each
element of its outputs, and a loop of unknown length as one turn of its body. A warning names it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, Literal

from jaxlab.experiment import random_key


def names(text: str) -> frozenset[str]:
    """Returns the words of a text."""
    return frozenset(text.split())


MOVES = names(
    """bitcast_convert_type broadcast_in_dim concatenate convert_element_type copy dynamic_slice
    dynamic_update_slice gather iota optimization_barrier pad random_bits random_clone
    random_fold_in random_seed random_split random_unwrap random_wrap reshape rev scatter slice
    split squeeze stack stop_gradient transpose unstack"""
)
ELEMENTWISE = names(
    """abs add add_any and ceil clamp cos div eq erf erf_inv exp exp2 expm1 floor ge gt integer_pow
    is_finite le log log1p logistic lt max min mul ne neg not or pow rem round rsqrt select_n
    shift_left shift_right_arithmetic shift_right_logical sign sin sqrt square sub tan tanh xor"""
)
REDUCTIONS = names(
    "argmax argmin reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum"
)
PREFIXES = names("cumlogsumexp cummax cummin cumprod cumsum")
PRODUCTS = names("dot_general conv_general_dilated")
CALLS = ("jaxpr", "call_jaxpr")  # the parameters that hold the function of a call

NEVER = -math.inf  # the depth, from an input, of what does not depend on it
Depth_I = np.ndarray  # of a variable from each of I inputs


class Cost(NamedTuple):
    """What one sequence costs: serial depth and FLOPs in operations, and the parameters."""

    serial_depth: int
    flops: int
    parameters: int


def measure(model: Any, length: int) -> Cost:
    """Returns the cost of `model.apply` on one sequence of `length` tokens; nothing is computed.

    model: has `init(key) -> params` and `apply(params, tokens_BxN)`.
    """
    params = jax.eval_shape(model.init, random_key(0))
    tokens_BxN = jax.ShapeDtypeStruct((1, length), jnp.int32)
    return Cost(
        serial_depth(
            lambda tokens_BxN, params: model.apply(params, tokens_BxN), tokens_BxN, params
        ),
        flops(model.apply, params, tokens_BxN),
        sum(leaf.size for leaf in jax.tree.leaves(params)),
    )


def serial_depth(function: Callable, inputs: Any, *known: Any) -> int:
    """Returns the operations on the longest path from `inputs` to an output of a function.

    inputs: its first argument, arrays or their shapes; the others are `known` beforehand.
    """
    jaxpr = jax.make_jaxpr(function)(inputs, *known).jaxpr
    start, before = np.zeros(1), np.full(1, NEVER)
    named = len(jax.tree.leaves(inputs))
    of_inputs = [start] * named + [before] * (len(jaxpr.invars) - named)
    deepest = max((depth_I[0] for depth_I in depths(jaxpr, of_inputs)), default=NEVER)
    return 0 if deepest == NEVER else int(deepest)


def flops(function: Callable, *inputs: Any) -> int:
    """Returns the operations of function(*inputs), every turn of a scan counted.

    What XLA counts for a compiled function has the body of a loop once.
    """
    return work(jax.make_jaxpr(function)(*inputs).jaxpr)


def product_flops(function: Callable, *inputs: Any) -> int:
    """Returns the operations of function(*inputs) that are those of matrix products."""
    return work(jax.make_jaxpr(function)(*inputs).jaxpr, PRODUCTS)


def depths(jaxpr: Jaxpr, of_inputs: list[Depth_I]) -> list[Depth_I]:
    """Returns the depth of every output, given those of the inputs; constants have none."""
    none_I = np.full(of_inputs[0].shape if of_inputs else (1,), NEVER)
    known = dict(zip(jaxpr.invars, of_inputs, strict=True))

    def read(variable: Any) -> Depth_I:
        return none_I if isinstance(variable, Literal) else known.get(variable, none_I)

    for equation in jaxpr.eqns:
        of_operands = [read(variable) for variable in equation.invars]
        known |= zip(equation.outvars, after(equation, of_operands, none_I), strict=True)
    return [read(variable) for variable in jaxpr.outvars]


def after(equation: JaxprEqn, of_operands: list[Depth_I], none_I: Depth_I) -> list[Depth_I]:
    """Returns the depth of every output of an equation."""
    name = equation.primitive.name
    if name == "scan" and (counts := scan_operands(equation)) is not None:
        return after_scan(equation, of_operands, none_I, *counts)
    if name == "cond":
        of_branches = [depths(b.jaxpr, of_operands[1:]) for b in equation.params["branches"]]
        return [
            np.maximum.reduce([of_operands[0], *of_output])
            for of_output in zip(*of_branches, strict=True)
        ]
    if name == "while":
        warn("a loop of unknown length as one turn of its body")
        of_body = of_operands[equation.params["cond_nconsts"] :]
        return depths(equation.params["body_jaxpr"].jaxpr, of_body)
    if (called := function_of(equation)) is not None:
        return depths(called, of_operands)
    deepest_I = np.maximum.reduce([none_I, *of_operands])
    return [deepest_I + levels(equation)] * len(equation.outvars)


def after_scan(
    equation: JaxprEqn, of_operands: list[Depth_I], none_I: Depth_I, constants: int, carries: int
) -> list[Depth_I]:
    """Follows the carries turn by turn through the body, a matrix of longest paths."""
    body = equation.params["jaxpr"].jaxpr
    operands, outputs = len(body.invars), len(body.outvars)
    if operands == 0:
        return [none_I] * outputs
    own_PxP = np.where(np.eye(operands, dtype=bool), 0, NEVER)
    body_OxP = np.reshape(depths(body, list(own_PxP)), (outputs, operands))
    operand_PxI = np.stack(of_operands)
    carry_PxI = operand_PxI[constants : constants + carries]  # a view
    output_OxI = np.tile(none_I, (outputs, 1))
    output_OxI[:carries] = carry_PxI
    for _ in range(equation.params["length"]):
        turn_OxI = np.max(body_OxP[:, :, None] + operand_PxI[None], axis=1)
        output_OxI = np.maximum(output_OxI, turn_OxI)  # outputs of all turns are one array
        output_OxI[:carries] = carry_PxI[:] = turn_OxI[:carries]
    return list(output_OxI)


def levels(equation: JaxprEqn) -> int:
    """Returns how many operations deep a primitive is."""
    name = equation.primitive.name
    if name in MOVES:
        return 0
    if name in ELEMENTWISE:
        return 1
    if name in PREFIXES:
        return ceil_log2(shape(equation.invars[0])[equation.params["axis"]])
    if name in REDUCTIONS:
        return ceil_log2(reduced(equation))
    if name in PRODUCTS:
        return ceil_log2(terms(equation)) + 1
    warn(f"{name!r}, for which it has no rule, as one operation per output")
    return 1


def work(jaxpr: Jaxpr, counted: frozenset[str] | None = None) -> int:
    """Counts the operations of a jaxpr: of the primitives that are named, or of all."""
    return sum(work_of(equation, counted) for equation in jaxpr.eqns)


def work_of(equation: JaxprEqn, counted: frozenset[str] | None) -> int:
    """Counts the operations of an equation; of branches, those of the longest."""
    name = equation.primitive.name
    if name == "scan":
        return equation.params["length"] * work(equation.params["jaxpr"].jaxpr, counted)
    if name == "while":
        warn("a loop of unknown length as one turn of its body")
        return work(equation.params["body_jaxpr"].jaxpr, counted)
    if name == "cond":
        return max(work(branch.jaxpr, counted) for branch in equation.params["branches"])
    if (called := function_of(equation)) is not None:
        return work(called, counted)
    if (counted is not None and name not in counted) or levels(equation) == 0:
        return 0
    size = sum(math.prod(shape(variable)) for variable in equation.outvars)
    if name in PRODUCTS:
        return 2 * terms(equation) * size
    if name in REDUCTIONS:
        return math.prod(shape(equation.invars[0])) - size
    return size


def function_of(equation: JaxprEqn) -> Jaxpr | None:
    """Returns the jaxpr that an equation calls once, if any."""
    if equation.primitive.name == "scan":
        return None
    for name in CALLS:
        if name in equation.params:
            called = equation.params[name]
            return called if isinstance(called, Jaxpr) else called.jaxpr
    return None


def scan_operands(equation: JaxprEqn) -> tuple[int, int] | None:
    """Returns how many operands of a scan are constants, and how many carries.

    JAX 0.10 keeps the numbers, JAX 0.12 the trees of the operands; None for another form.
    """
    params = equation.params
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    if "ft_in" in params:
        constants, carries, _ = params["ft_in"].unpack()
        return len(list(constants)), len(list(carries))
    return None


def warn(what: str) -> None:
    """Warns that serial depth and FLOPs are not exact."""
    warnings.warn(f"the meter of serial depth and FLOPs counts {what}", stacklevel=2)


def reduced(equation: JaxprEqn) -> int:
    """Returns how many numbers become one."""
    of_input = shape(equation.invars[0])
    return math.prod(of_input[axis] for axis in equation.params["axes"])


def terms(equation: JaxprEqn) -> int:
    """Returns how many products a number of a dot product or convolution is the sum of."""
    left, right = map(shape, equation.invars)
    if equation.primitive.name == "dot_general":
        (axes, _), _ = equation.params["dimension_numbers"]
        return math.prod(left[axis] for axis in axes)
    outputs, *_ = equation.params["dimension_numbers"].rhs_spec
    return math.prod(right) // right[outputs]


def shape(variable: Any) -> tuple[int, ...]:
    """Returns the shape of a variable or literal."""
    return variable.aval.shape


def ceil_log2(count: int) -> int:
    """Returns ⌈log₂ count⌉."""
    return max(count - 1, 0).bit_length()
