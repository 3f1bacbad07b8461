"""Do the ways out help on real text?"""

from __future__ import annotations

from math import inf

from experiments.one_third.expected import Expected

BY = "docs/ways_out.md; measured by this lab"
EXPECTED = {
    "text_average": Expected(
        "Text: averaged weights of Adam lower the validation loss (gain in nats, best rates)",
        BY,
        None,
        (0.0, inf),
    ),
    "text_growing_rate": Expected(
        "Text: a rate ~ t^1/3 with averaged weights gains over a constant one with them (nats)",
        BY,
        None,
        (0.0, inf),
    ),
    "text_growing_scale": Expected(
        "Text has entropy: weights ~ t^0.1 gain less than 0.02 nats over constant ones",
        BY,
        None,
        (-inf, 0.02),
        control=True,
    ),
}

PINNED = {
    "task.name": "text",
    "task.dataset": "python_source",
    "optimizer.name": "adam",
    "schedule.name": "power",
    "train.steps": 4_000,
    "train.batch_size": 512,
}
