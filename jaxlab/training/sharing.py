"""Which members share which draws: 96 cells with 5 seeds draw 5 batches a step, not 480."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxlab.experiment import Shared


class Layout(NamedTuple):
    """Where the results of one `Shared` entry lie, per device; all arrays lead with one axis.

    Every device of the member axis makes just what its own members need, so each array is a
    concatenation of equal parts, one per device, and the indices count within a part.
    """

    values_U: dict[str, np.ndarray]  # the distinct combinations of the values it depends on
    parent_U: np.ndarray  # where the entry before it keeps what this combination builds on
    member_M: np.ndarray  # where each member finds its own


def layouts(
    entries: tuple[Shared, ...], values_M: dict[str, np.ndarray], devices: int
) -> tuple[Layout, ...]:
    """Returns a layout for each entry, in order.

    Args:
        entries: each must depend on all that the entry before it depends on.
        values_M: traced values by dotted key, a number per member.
        devices: the size of the mesh's member axis; it divides the members.

    Raises:
        ValueError: for an entry that depends on less than the one before it, or on an unknown key.
    """
    result: list[Layout] = []
    before: tuple[str, ...] = ()
    for entry in entries:
        unknown = set(entry.depends) - set(values_M)
        if unknown:
            raise ValueError(f"{entry.make.__name__} depends on {sorted(unknown)}: not in config")
        if not set(before) <= set(entry.depends):
            raise ValueError(
                f"{entry.make.__name__} depends on {entry.depends}, but builds on what depends on "
                f"{before}: name those too"
            )
        before = entry.depends
        members = len(next(iter(values_M.values())))
        columns = [values_M[key] for key in entry.depends] or [np.zeros(members)]
        rows_DxMxK = np.stack(columns, axis=-1).reshape(devices, members // devices, -1)
        result.append(_layout(entry, rows_DxMxK, values_M, result[-1] if result else None))
    return tuple(result)


def _layout(
    entry: Shared, rows_DxMxK: np.ndarray, values_M: dict[str, np.ndarray], parent: Layout | None
) -> Layout:
    devices, members, _ = rows_DxMxK.shape
    parts = [np.unique(rows, axis=0, return_index=True, return_inverse=True) for rows in rows_DxMxK]
    width = max(len(first) for _, first, _ in parts)
    # Equal parts: a device with fewer combinations makes its last one again.
    firsts = np.stack([np.pad(f, (0, width - len(f)), mode="edge") for _, f, _ in parts])
    representative_U = (firsts + members * np.arange(devices)[:, None]).reshape(-1)
    before_M = np.zeros(devices * members, np.int32) if parent is None else parent.member_M
    return Layout(
        values_U={key: values_M[key][representative_U] for key in entry.depends},
        parent_U=before_M[representative_U].astype(np.int32),
        member_M=np.concatenate([inverse.reshape(-1) for *_, inverse in parts]).astype(np.int32),
    )
