"""Turns, ratios and a contestant in a process of its own, on clocks that the tests set."""

import sys

import pytest

from jaxlab.benchmark.sections import rows
from jaxlab.benchmark.tables import markdown, text
from jaxlab.benchmark.timing import Peer, Rounds, Seconds, interleave

FOUND = Rounds(
    {
        "fast": [Seconds(1, 2), Seconds(2, 4), Seconds(3, 6)],
        "slow": [Seconds(2, 6), Seconds(8, 16), Seconds(6, 12)],
    }
)
MACHINE = {
    "processor": "a CPU",
    "device": "1 x cpu",
    "python": "3.13.0",
    "jax": "0.12",
    "peak_float32_flops": 2e11,
    "peak_bfloat16_flops": 8e11,
    "load_average_before": 0.1,
    "load_average": 1.2,
    "peak_memory_bytes": 2**30,
    "rounds": 3,
}


def test_contestants_warm_up_once_and_then_take_turns_there_and_back():
    calls = []

    def contestant(name):
        def run():
            calls.append(name)
            return Seconds(len(calls), 1)

        return run

    found = interleave({name: contestant(name) for name in "ab"}, rounds=2)
    assert "".join(calls) == "ab" + "ab" + "ba"
    assert found.seconds["a"] == [Seconds(3, 1), Seconds(6, 1)]


def test_a_ratio_is_taken_round_by_round():
    assert FOUND.median("slow") == Seconds(6, 12)
    assert FOUND.wall_range("slow") == (2, 8)
    assert FOUND.ratio("slow", "fast") == Seconds(2, 3)  # of 2, 4, 2 and of 3, 4, 2


def test_rows_are_speeds_beside_a_reference():
    fast, slow = rows(FOUND, "steps", 12, "fast", {"slow": 0.25})
    assert (fast.per_second, fast.per_second_low, fast.per_second_high) == (6, 4, 12)
    assert fast.reference_wall_ratio is None
    assert (slow.per_cpu_second, slow.reference_wall_ratio, slow.reference_cpu_ratio) == (1, 2, 3)
    assert slow.peak_share == 0.25 * 12 / 6


def test_tables_show_every_row_and_the_machine():
    own = [row.__dict__ for row in rows(FOUND, "steps", 12, "fast", None, {"fast": "compiles"})]
    found = {"machine": MACHINE, "rows": own}
    table = markdown({"decoder": found})
    assert "| fast (compiles) | 6 | 4 to 12 | 3 |" in table
    assert "| slow | 2 | 2 to 6 | 1 |  | fast | 2.00 (3.00) |" in table
    assert "a CPU, 1 x cpu, Python 3.13.0, JAX 0.12; matrix products at 200 GFLOP/s" in table
    assert "  slow: 2 steps a second [2, 6], 1 a CPU-second\n      fast is 2.00" in text(found)


PEER = """
import json, sys
print(json.dumps({"parameters": json.loads(sys.argv[1])["width"]}), flush=True)
for line in sys.stdin:
    print(json.dumps({"wall": int(line), "cpu": 2 * int(line)}), flush=True)
"""


def test_a_peer_answers_from_a_process_of_its_own(tmp_path):
    (tmp_path / "peer.py").write_text(PEER)
    peer = Peer(sys.executable, tmp_path / "peer.py", {"width": 7})
    assert peer.about == {"parameters": 7}
    assert peer.take(3) == Seconds(3, 6)
    peer.close()


def test_a_peer_that_ends_is_an_error(tmp_path):
    (tmp_path / "peer.py").write_text("raise SystemExit(1)")
    with pytest.raises(RuntimeError, match="ended: its own message is above"):
        Peer(sys.executable, tmp_path / "peer.py", {})
