"""What every command does with its streams, its paths, and errors that nobody foresaw."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from jaxlab.training import preemption

REPOSITORY = Path(__file__).resolve().parents[1]


def run_command(main: Callable[[], int]) -> NoReturn:
    """Runs a command and leaves with its exit status.

    What a terminal cannot show becomes a question mark. A reader that closes the pipe, as `head`
    does, ends the command without a word. A signal that a command heeds is one line on how to go
    on; its status is `preemption.EXIT_STATUS`. An error that nobody foresaw is one line, which
    names the place in the code and the file with the traceback; its status is 1.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        status = 141  # as of a program that SIGPIPE ends
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    except preemption.Preempted as reason:
        status = preemption.explain(reason)
    except Exception as error:
        print(f"error: {explain(error)}", file=sys.stderr)
        status = 1
    sys.exit(status)


def explain(error: Exception) -> str:
    """Returns one line on an error that nobody foresaw; its traceback goes to a file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(REPOSITORY)]
    place = ""
    if frame := (own or frames)[-1] if frames else None:
        place = f", at {frame.filename}:{frame.lineno}"
    text = (str(error).splitlines() or [""])[0]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="jaxlab-error-", suffix=".txt", delete=False, errors="replace"
        ) as file:
            file.write("".join(traceback.format_exception(error)))
        return f"{type(error).__name__}: {text}{place}; traceback in {file.name}"
    except OSError:
        return f"{type(error).__name__}: {text}{place}"


def local_path(text: str) -> Path:
    """Returns the path that an argument names; ~ is the home folder.

    Raises:
        argparse.ArgumentTypeError: for a URL, since only local folders are written and read.
    """
    if "://" in text:
        raise argparse.ArgumentTypeError(
            f"{text} is a URL: give a local folder, such as one on which the bucket is mounted"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~somebody who has no home
        raise argparse.ArgumentTypeError(f"{text}: {error}") from error
