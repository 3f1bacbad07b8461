"""A file that cannot be written leaves what was there."""

import pytest

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
