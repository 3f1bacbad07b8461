"""Finite groups as multiplication tables, closed from permutations."""

from __future__ import annotations

import dataclasses
import functools
import re

import numpy as np

Permutation = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Group:
    """A group of G elements; element 0 is the identity.

    Attributes:
        table_GxG: the product of two elements, the first acting first.
        generator_K: K elements that generate the group, and their inverses with them.
    """

    table_GxG: np.ndarray
    generator_K: np.ndarray

    @property
    def order(self) -> int:
        """How many elements there are."""
        return len(self.table_GxG)


@functools.cache
def group(name: str) -> Group:
    """Returns the group of a name: S_n as `S5`, A_n as `A5`, Z_m as `Z60`, products as `A4xZ5`.

    Raises:
        ValueError: the name is none of these.
    """
    generators = _generators(name)
    generators += [inverse(generator) for generator in generators]
    generators = list(dict.fromkeys(generators))  # some are their own inverse
    elements = closure(generators)
    number = {element: index for index, element in enumerate(elements)}
    table = [[number[product(first, second)] for second in elements] for first in elements]
    return Group(np.array(table, np.int32), np.array([number[g] for g in generators], np.int32))


def product(first: Permutation, second: Permutation) -> Permutation:
    """Returns what `first` and then `second` does to each point."""
    return tuple(second[point] for point in first)


def inverse(permutation: Permutation) -> Permutation:
    """Returns the permutation that undoes another."""
    return tuple(int(point) for point in np.argsort(permutation))


def closure(generators: list[Permutation]) -> list[Permutation]:
    """Returns every product of generators: the identity first, then by length of its word."""
    elements = {tuple(range(len(generators[0]))): None}
    newest = list(elements)
    while newest:
        reached = [product(element, generator) for element in newest for generator in generators]
        newest = [element for element in dict.fromkeys(reached) if element not in elements]
        elements |= dict.fromkeys(newest)
    return list(elements)


def _generators(name: str) -> list[Permutation]:
    """Permutations that generate a group; the factors of a product move points of their own."""
    generators: list[Permutation] = []
    points = 0
    for factor in name.split("x"):
        added = _factor_generators(factor)
        size = len(added[0])
        generators = [g + tuple(range(points, points + size)) for g in generators]
        shifted = [tuple(point + points for point in g) for g in added]
        generators += [tuple(range(points)) + g for g in shifted]
        points += size
    return generators


def _factor_generators(name: str) -> list[Permutation]:
    match = re.fullmatch(r"([SAZ])([1-9][0-9]*)", name)
    kind, size = (match[1], int(match[2])) if match else ("", 0)
    if kind == "Z" and size >= 2:
        return [_cycle(size, *range(size))]
    if kind == "S" and 3 <= size <= 6:
        return [_cycle(size, 0, 1), _cycle(size, *range(size))]
    if kind == "A" and 4 <= size <= 6:  # the long cycle must be even
        return [_cycle(size, 0, 1, 2), _cycle(size, *range(1 - size % 2, size))]
    raise ValueError(
        f"group {name!r} is unknown: name S3 to S6, A4 to A6, Z2 and larger, or products of them "
        "such as A4xZ5"
    )


def _cycle(size: int, *points: int) -> Permutation:
    """The permutation of `size` points that sends each of `points` to the next."""
    image = list(range(size))
    for point, successor in zip(points, points[1:] + points[:1], strict=True):
        image[point] = successor
    return tuple(image)
