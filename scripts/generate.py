#!/usr/bin/env python
"""Writes text with a language model: that of a finished run, or a released one.

python scripts/generate.py runs/trunk/all --prompt="def main"
python scripts/generate.py runs/trunk/all --streams=runs/branches/FOLDER_OF_A_RUN
python scripts/generate.py models/ParScale-1.8B-P4 --prompt="def main"
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from jaxlab.command import local_path, run_command


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Write on from a prompt with a model of experiments/parscale.",
        epilog="With --streams one decoder serves sets of streams that were trained around it "
        "while it stayed frozen, for another number of streams, say.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "run",
        type=local_path,
        metavar="RUN",
        help="the folder of a finished run, or of a released model",
    )
    prompts = parser.add_mutually_exclusive_group()
    prompts.add_argument("--prompt", default="\n", help="text to write on from (default: a line)")
    prompts.add_argument("--prompt_file", type=local_path, help="a file that holds this text")
    parser.add_argument("--tokens", type=int, default=200, help="tokens to write (default 200)")
    parser.add_argument(
        "--temperature", type=float, default=0.8, help="0 takes the likeliest (default 0.8)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    parser.add_argument("--member", type=int, default=0, help="of the run (default 0)")
    parser.add_argument("--streams", type=local_path, metavar="RUN", help="whose streams to take")
    parser.add_argument(
        "--streams_member", type=int, help="of that run (default: the number of --member)"
    )
    return parser.parse_args()


def main() -> int:
    """Prints prompt and text; returns the exit status."""
    args = parse()
    from jaxlab.config import ConfigError

    try:
        print(write(args))
    except (ConfigError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def write(args: argparse.Namespace) -> str:
    """Returns the prompt and what the model writes on from it.

    Raises:
        ConfigError, ValueError, OSError: for what cannot be read or makes no sense.
    """
    import jax

    from experiments.parscale.model import streams
    from experiments.parscale.trained import codec, load
    from jaxlab.config import check
    from jaxlab.experiment import random_key
    from jaxlab.models import decoding
    from jaxlab.training import compilation_cache

    compilation_cache.enable()
    check(args.tokens >= 1, f"--tokens is {args.tokens}: write at least 1")
    check(0 <= args.seed < 2**31, f"--seed is {args.seed}: give one from 0 to 2**31 - 1")
    check(args.temperature >= 0, f"--temperature is {args.temperature}: it must not be negative")
    trained = load(args.run, args.member)
    config, params = trained.config, trained.params
    text = prompt_of(args)
    encode, decode = codec(trained)
    if args.streams:
        member = args.member if args.streams_member is None else args.streams_member
        config, other, *_ = load(args.streams, member)
        check_decoder(args, params["decoder"], other["decoder"])
        params = other | {"decoder": params["decoder"]}
        print(f"streams: {config.streams.count} of {args.streams}", file=sys.stderr)
    prompt_BxT, padding_B = decoding.left_pad([encode(text)])
    if prompt_BxT.shape[1] + args.tokens > config.task.length:
        print(
            f"note: the model was trained on rows of {config.task.length} tokens, this is longer",
            file=sys.stderr,
        )
    written_BxN = decoding.generate(
        streams(config),
        params,
        prompt_BxT,
        padding_B,
        jax.random.split(random_key(args.seed), 1),
        args.temperature,
        config.streams.smoothing,
        tokens=args.tokens,
        stop=None,
    )
    return (text + decode(written_BxN[0].tolist())).decode(errors="replace")


def prompt_of(args: argparse.Namespace) -> bytes:
    """Returns the prompt: of the command line, or of a file."""
    return args.prompt_file.read_bytes() if args.prompt_file else os.fsencode(args.prompt)


def check_decoder(args: argparse.Namespace, own: Any, other: Any) -> None:
    """Raises ConfigError unless two decoders are the same, bit for bit."""
    import jax
    import numpy as np

    from jaxlab.config import check

    same = jax.tree.structure(own) == jax.tree.structure(other) and jax.tree.all(
        jax.tree.map(np.array_equal, own, other)
    )
    check(
        same,
        f"the streams of {args.streams} were trained around another decoder than that of "
        f"{args.run}: take a run with start.frozen whose start.study this one belongs to, and "
        "the member of the same seed",
    )


if __name__ == "__main__":
    run_command(main)
