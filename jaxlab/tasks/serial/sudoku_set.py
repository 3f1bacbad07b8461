"""Frozen sets of Sudoku puzzles by the rounds they take, as a TFDS set."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jaxlab.tasks.python_source import prepare
from jaxlab.tasks.serial.sudoku import KINDS, Kind, Puzzles, kind
from jaxlab.tasks.serial.sudoku_search import find_puzzles

SPLIT_SEEDS = {"train": 0, "validation": 1}


class SudokuPuzzles(tfds.core.GeneratorBasedBuilder):
    """TFDS set `sudoku_puzzles`: `givens` and `solution` (cells row by row), and `rounds`.

    A config, such as `9x9_8`, is named after the side and the rounds. Those of one round are the
    parallel control of the others: blanks and puzzles are as many. Puzzles are searched for when
    the set is prepared, from seeds that belong to the version.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar = {"2.0.0": "4x4: 7 blanks, not 6, as more boards have them."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name=name) for name in KINDS
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        cells = tfds.features.Tensor(shape=(self.kind.box**4,), dtype=np.uint8)
        return tfds.core.DatasetInfo(
            builder=self,
            description="Sudoku puzzles by the rounds of forced moves that they take.",
            features=tfds.features.FeaturesDict(
                {"givens": cells, "solution": cells, "rounds": np.int32}
            ),
            disable_shuffling=True,
        )

    @property
    def kind(self) -> Kind:
        """What the puzzles of this config are."""
        assert self.builder_config is not None
        return KINDS[self.builder_config.name]

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        del dl_manager  # there is nothing to download
        return {split: self._generate_examples(seed) for split, seed in SPLIT_SEEDS.items()}

    def _generate_examples(self, seed: int) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        kind = self.kind
        random = np.random.RandomState([seed, kind.box, kind.blanks, kind.rounds])
        puzzles = find_puzzles(random, kind.puzzles, kind.box, kind.blanks, kind.rounds)
        for number, (givens, solution, rounds) in enumerate(zip(*puzzles, strict=True)):
            example = {"givens": givens.astype(np.uint8), "solution": solution.astype(np.uint8)}
            yield number, example | {"rounds": rounds}


@functools.cache  # several programs of a study read one set
def load(data_dir: str | os.PathLike, name: str, split: str) -> Puzzles:
    """Returns the puzzles of a set, such as `9x9_8`, and split; prepares the set where it is not.

    Raises:
        ValueError: there is no set of this name, or `data_dir` cannot be written.
    """
    kind(name)
    folder = prepare(data_dir, functools.partial(SudokuPuzzles, config=name))
    builder: Any = tfds.builder_from_directory(folder)  # the type of its decorator is wrong
    source = builder.as_data_source(split)
    examples = source.__getitems__(range(len(source)))
    givens_PxC, solution_PxC, rounds_P = (
        np.array([example[key] for example in examples]) for key in ("givens", "solution", "rounds")
    )
    return Puzzles(givens_PxC, solution_PxC, rounds_P)
