"""`claims.json`: what was claimed, measured and concluded, one object per claim."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxlab.disk import write_atomically
from jaxlab.report.claims import Result


def write_claims(path: str | os.PathLike[str], results: Sequence[Result]) -> Path | None:
    """Writes results as a JSON list of objects; what is not finite becomes null.

    An existing file with other content is first renamed to the next free `<stem>.<n><suffix>`
    (`claims.1.json` is the oldest).

    Returns:
      The path of the earlier file that was kept, or None if there was nothing to keep.

    Raises:
      ValueError: two claims share an id.
    """
    path = Path(path)
    counts = Counter(result.claim.id for result in results)
    if repeated := [id for id, count in counts.items() if count > 1]:
        raise ValueError(f"{path}: claim ids must be unique, these are not: {', '.join(repeated)}")
    records = [_plain(row(result)) for result in results]
    content = (json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    kept = None
    if path.exists() and path.read_bytes() != content:
        kept = _next_free(path)
        path.rename(kept)
    write_atomically(path, content)
    return kept


def row(result: Result) -> dict[str, Any]:
    """Returns a result as one flat object, the columns of every table of claims."""
    claim, estimate = result.claim, result.estimate
    return {
        "id": claim.id,
        "study": result.study,
        "claim": claim.sentence,
        "kind": claim.kind.value,
        "source": claim.source,
        "published": claim.published,
        "expected": claim.expected,
        "measured": estimate and estimate.value,
        "low": estimate and estimate.low,
        "high": estimate and estimate.high,
        "seeds": estimate.seeds if estimate else 0,
        "covers": estimate.covers if estimate else "",
        "verdict": result.verdict.value,
        "detail": estimate.detail if estimate else result.reason,
        "provenance": result.provenance,
    }


def _next_free(path: Path) -> Path:
    n = 1
    while (kept := path.with_name(f"{path.stem}.{n}{path.suffix}")).exists():
        n += 1
    return kept


def _plain(value: Any) -> Any:
    """Turns NumPy values and tuples into what JSON holds; what is not finite into None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
