"""A file that cannot be written leaves what was there; one that was changed is not read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxlab import disk
from jaxlab.config import ConfigError
from jaxlab.disk import write_atomically


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "below" / "report.html"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot write .*file/report\.html"):
        write_atomically(tmp_path / "file" / "report.html", b"new")


@given(st.data())
def test_no_change_of_a_sealed_text_gives_another_value(data):
    rows = [{"step": step, "loss": [0.5, 1 / 3], "name": "τ"} for step in range(3)]
    lines, last = [], ""
    for row in rows:
        lines.append(disk.seal(json.dumps(row), last))
        value, last = disk.unseal(lines[-1], last)
        assert value == row
    line = data.draw(st.sampled_from(lines))
    at = data.draw(st.integers(0, len(line) - 1))
    changed = line[:at] + data.draw(st.characters(codec="ascii")) + line[at + 1 :]
    before = disk.last_seal(lines[lines.index(line) - 1]) if line != lines[0] else ""
    try:
        value, own = disk.unseal(changed, before)
    except ValueError:
        return
    if own or len(value) == 3:  # else it has lost its check sum and has a foreign key
        assert value == rows[lines.index(line)]
