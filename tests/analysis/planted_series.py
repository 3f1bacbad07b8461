"""Rows of a series."""

from jaxlab.analysis.series import Row


def row(**values):
    """A row with these values, 1 or "run" or "text" elsewhere."""
    plain = dict.fromkeys(Row._fields, 1.0) | {"series": "run", "member": 0, "step": 1}
    return Row(**{**plain, "text": "text", **values})
