"""The tokenizer gives every text back, learns the same from the same, and refuses the rest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxlab.tasks import tokenizer
from jaxlab.tasks.tokenizer import Tokenizer, load, train

CODE = b"\n".join(
    b"def name_%d(self, value):\n\tif value is None:\n        return self.name_%d\n" % (n, n * 7)
    for n in range(60)
)
DOCUMENTS = [CODE, "Grüße, naïve café — ▁ 漢字\r\n".encode() * 9, b"\x00\xff\xfe  \x80"]
MODEL = train(DOCUMENTS, 400)
TOKENIZER = Tokenizer(MODEL)

TEXTS = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(" \n\t\r▁<unk>0xA\u2028\u3000é", max_size=60).map(str.encode),
)


@given(text=TEXTS)
@settings(deadline=None)
def test_every_text_comes_back(text):
    tokens = TOKENIZER.encode(text)
    assert tokens.dtype == np.uint16
    assert np.all(tokens < 400)
    assert TOKENIZER.decode(tokens) == text


@pytest.mark.parametrize(
    "text",
    [*DOCUMENTS, b"", b" ", b"    x", b"x    ", b"\n\n", b"<unk><s><0x0A>", "▁▁ ▁".encode()],
)
def test_what_sentencepiece_alone_would_lose_comes_back(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_it_has_every_byte_and_what_is_frequent():
    assert len(TOKENIZER.pieces) == 400
    assert {bytes([byte]) for byte in range(256)} < set(TOKENIZER.pieces)
    assert len(set(TOKENIZER.pieces)) == 400
    assert b"    " in TOKENIZER.pieces
    assert len(TOKENIZER.encode(CODE)) < 0.3 * len(CODE)


def test_the_same_text_gives_the_same_vocabulary():
    assert train(DOCUMENTS, 400) == MODEL
    assert Tokenizer(train(DOCUMENTS[:2], 400)).hash != TOKENIZER.hash


def test_what_was_trained_is_found_again(tmp_path, monkeypatch):
    first = load(DOCUMENTS, 300, tmp_path)
    (path,) = tmp_path.iterdir()
    monkeypatch.setattr(tokenizer, "train", None)  # it would fail
    assert load(DOCUMENTS, 300, tmp_path).hash == first.hash
    monkeypatch.undo()
    load(DOCUMENTS, 301, tmp_path)
    load(DOCUMENTS[::-1], 300, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged: delete it"):
        load(DOCUMENTS, 300, tmp_path)


def test_of_much_text_every_nth_document_is_learned_from(monkeypatch):
    monkeypatch.setattr(tokenizer, "TRAINING_BYTES", len(CODE) + 1)
    other = b"other words entirely " * (len(CODE) // 21)
    assert train([CODE, other], 300) == train([CODE], 300)


def test_what_cannot_be_learned_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nothing to learn beside 256 bytes"):
        train(DOCUMENTS, 256)
    with pytest.raises(ValueError, match="9 bytes of text do not give a vocabulary of 4096"):
        train([b"too small"], 4096)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="cannot write"):
        load(DOCUMENTS, 300, tmp_path / "file")
