"""What decoding with P streams costs on this device, beside what the paper's model says.

The model is `jaxlab.analysis.inference_cost`: weights, cache and activations of 2 bytes on an A100.
Its ratios to one stream are comparable anywhere, its bytes where the config computes in bfloat16.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.parscale.model import streams
from jaxlab.analysis import inference_cost
from jaxlab.config import Config
from jaxlab.experiment import random_key
from jaxlab.models import decoding
from jaxlab.models.decoder import DEVIATION, Decoder
from jaxlab.models.streams import SMOOTHING, Streams

MIB = 2**20
ROUNDS = 5
COUNTS = (1, 2, 4, 8)  # where a config has but one


class Contestant(NamedTuple):
    """A model, and the decoder whose single stream it is compared to."""

    model: Streams
    base: Decoder

    @property
    def kind(self) -> str:
        """How it differs from that: a wider decoder, or by what its streams differ."""
        if self.model.decoder != self.base:
            return "wider"
        return "none" if self.model.plain else self.model.transform


class Work(NamedTuple):
    """How much is decoded at once."""

    batch: int  # texts
    prompt: int  # tokens read of each
    tokens: int  # tokens written to each, at least 2


@dataclasses.dataclass(frozen=True)
class Cost:
    """The medians of one model and batch; a `_ratio` is to one stream of the base decoder.

    `peak_bytes` is what the compiled program of prefill and decoding holds at once: arguments,
    temporaries and outputs. CPU seconds are of this process and all its threads.
    """

    width: int
    streams: int
    kind: str  # see Contestant
    batch: int
    prefill_seconds: float
    prefill_cpu_seconds: float
    token_seconds: float
    token_cpu_seconds: float
    cache_bytes: int
    peak_bytes: int
    modelled_bytes: float
    total_ratio: float  # of wall seconds to read the prompts and write all tokens
    modelled_total_ratio: float
    peak_ratio: float
    modelled_bytes_ratio: float


def contestants(configs: Iterable[Config], k: float) -> list[Contestant]:
    """Returns the different models of these configs, with 1, 2, 4 and 8 streams if all have one P.

    A single stream comes first for each decoder, as all others are compared to it. Behind them come
    single streams of wider decoders, with k ln P + 1 times the parameters: by the law of arXiv
    2505.10475 they have the loss of P streams.
    """
    found = {streams(config) for config in configs}
    if len({model.count for model in found}) == 1:
        found = {dataclasses.replace(model, count=count) for model in found for count in COUNTS}

    def order(model: Streams) -> tuple:
        return not model.plain, model.count, str(model)

    listed = []
    for base in sorted({m.decoder for m in found}, key=lambda own: (own.width, str(own))):
        several = [m for m in found if m.decoder == base and not m.plain]
        alone = Streams.of_one(base)
        wider = [
            wider_decoder(base, k, count) for count in sorted({m.count for m in several} - {1})
        ]
        models = [alone, *sorted(several, key=order), *map(Streams.of_one, wider)]
        listed += [Contestant(model, base) for model in models]
    return listed


def wider_decoder(decoder: Decoder, k: float, count: int) -> Decoder:
    """Returns the decoder with about k ln P + 1 times the parameters, in as many layers."""
    times = (k * math.log(count) + 1) ** 0.5
    step = 2 * decoder.heads
    width = step * round(times * decoder.width / step)
    return dataclasses.replace(decoder, width=width, hidden=round(times * decoder.hidden))


def measure(
    found: Sequence[Contestant], works: list[Work], progress: Callable[[str], None] = print
) -> list[Cost]:
    """Measures every model with fresh weights; `found` has a single stream before all others."""
    costs: list[Cost] = []
    of_one: dict[tuple, np.ndarray] = {}
    for model, base in found:
        kind = Contestant(model, base).kind
        for work in works:
            done, total = len(costs) + 1, len(found) * len(works)
            named = f"width {model.decoder.width}, P = {model.count}, batch {work.batch}"
            progress(f"{done} of {total}: {named}: compiling and timing")
            (prefill, token), cache, peak = _measured(model, work)
            modelled_bytes, modelled_seconds = _modelled(model, work)
            seconds = prefill[0] + (work.tokens - 1) * token[0]
            totals = np.array([seconds, modelled_seconds, peak, modelled_bytes])
            ratios = totals / of_one.setdefault((base, work), totals)
            costs.append(
                Cost(
                    width=model.decoder.width,
                    streams=model.count,
                    kind=kind,
                    batch=work.batch,
                    prefill_seconds=float(prefill[0]),
                    prefill_cpu_seconds=float(prefill[1]),
                    token_seconds=float(token[0]),
                    token_cpu_seconds=float(token[1]),
                    cache_bytes=cache,
                    peak_bytes=peak,
                    modelled_bytes=modelled_bytes,
                    total_ratio=float(ratios[0]),
                    modelled_total_ratio=float(ratios[1]),
                    peak_ratio=float(ratios[2]),
                    modelled_bytes_ratio=float(ratios[3]),
                )
            )
    return costs


def print_table(costs: list[Cost]) -> None:
    """Prints a row per model and batch."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    for cost in costs:
        table.add_row(*(cell(cost) for cell in _COLUMNS.values()))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200  # piped into a file: wrap nothing
    console.print(table)


_COLUMNS: dict[str, Callable[[Cost], str]] = {
    "width": lambda cost: str(cost.width),
    "P": lambda cost: str(cost.streams),
    "by": lambda cost: cost.kind,
    "batch": lambda cost: str(cost.batch),
    "prefill ms": lambda cost: f"{1e3 * cost.prefill_seconds:.2f}",
    "of CPU": lambda cost: f"{1e3 * cost.prefill_cpu_seconds:.2f}",
    "a token ms": lambda cost: f"{1e3 * cost.token_seconds:.3f}",
    "of CPU ": lambda cost: f"{1e3 * cost.token_cpu_seconds:.3f}",
    "time / P=1": lambda cost: f"{cost.total_ratio:.2f}",
    "(A100)": lambda cost: f"{cost.modelled_total_ratio:.2f}",
    "cache MiB": lambda cost: f"{cost.cache_bytes / MIB:.3f}",
    "peak MiB": lambda cost: f"{cost.peak_bytes / MIB:.2f}",
    "(A100) ": lambda cost: f"{cost.modelled_bytes / MIB:.2f}",
    "peak / P=1": lambda cost: f"{cost.peak_ratio:.2f}",
    "(A100)  ": lambda cost: f"{cost.modelled_bytes_ratio:.2f}",
}


def _measured(model: Streams, work: Work) -> tuple[np.ndarray, int, int]:
    """Returns median seconds of [prefill, token] in [wall, CPU], and bytes of cache and peak."""
    params = _served(model)
    prompt_BxT = np.zeros((work.batch, work.prompt), np.int32)
    texts = (params, prompt_BxT, np.zeros(work.batch, np.int32))
    key_B = jax.random.split(random_key(0), work.batch)
    read = decoding.prefill.lower(model, *texts, SMOOTHING, tokens=work.tokens - 1).compile()
    both = decoding.generate.lower(
        model, *texts, key_B, 0.0, SMOOTHING, tokens=work.tokens, stop=None
    ).compile()
    rounds = []
    for _ in range(ROUNDS + 1):  # the first warms up
        prefill = _timed(lambda: read(*texts, SMOOTHING))
        whole = _timed(lambda: both(*texts, key_B, 0.0, SMOOTHING))
        rounds.append((prefill, (whole - prefill) / (work.tokens - 1)))
    memory: Any = both.memory_analysis()
    peak = memory.argument_size_in_bytes + memory.temp_size_in_bytes + memory.output_size_in_bytes
    _, cache = read(*texts, SMOOTHING)
    held = cache.key_PxLxBxUxKxD.nbytes + cache.value_PxLxBxUxKxD.nbytes
    return np.median(rounds[1:], axis=0), held, peak


def _served(model: Streams) -> Any:
    """Returns random weights in the dtype of the computation, prefixes without their codes."""
    rng = np.random.default_rng(0)

    def shapes(key: jax.Array) -> Any:
        return model.merged(model.init(key))

    def draw(leaf: jax.ShapeDtypeStruct) -> jax.Array:
        values = DEVIATION * rng.standard_normal(leaf.shape, np.float32)
        return jnp.asarray(values, model.decoder.dtype)

    return jax.tree.map(draw, jax.eval_shape(shapes, random_key(0)))


def _timed(run) -> np.ndarray:
    """Returns [wall, CPU] seconds."""
    start = np.array((time.perf_counter(), time.process_time()))
    jax.block_until_ready(run())
    return np.array((time.perf_counter(), time.process_time())) - start


def _modelled(model: Streams, work: Work) -> tuple[float, float]:
    """Returns bytes and seconds by the paper's model."""
    own = model.decoder
    decoder = inference_cost.Decoder(
        own.width,
        own.hidden,
        own.layers,
        own.heads,
        own.kv_heads,
        own.vocabulary,
        model.prefix if model.transform == "prefix" else 0,
    )

    def modelled(cost: Callable[..., float]) -> float:
        return cost(
            decoder, P=model.count, batch=work.batch, tokens_in=work.prompt, tokens_out=work.tokens
        )

    bytes_ = modelled(inference_cost.memory_gib) * inference_cost.GIB
    return bytes_, modelled(inference_cost.latency_seconds)
