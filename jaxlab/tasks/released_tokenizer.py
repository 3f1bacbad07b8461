"""The tokenizer.json of a released model, read by the `tokenizers` library."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

FILE = "tokenizer.json"


class ReleasedTokenizer:
    """A byte-level vocabulary that came with a model.

    Text in UTF-8 comes back as it was, but for what the tokenizer itself makes of it first: that of
    Qwen2 brings it to Unicode's form NFC, and the name of a special token becomes the token.

    Attributes:
        pieces: the bytes of every token of the model; none of those that the vocabulary lacks.
        hash: sha256 of the file, to be recorded with a run.
    """

    def __init__(self, content: bytes, vocabulary: int):
        from tokenizers import Tokenizer  # only for those who read text with it

        self._tokenizer = Tokenizer.from_str(content.decode())
        added = self._tokenizer.get_added_tokens_decoder()
        names = {number: name for name, number in self._tokenizer.get_vocab().items()}
        if max(names, default=0) >= vocabulary:
            raise ValueError(f"it has {max(names) + 1} tokens, and its model {vocabulary}")
        self.pieces = [
            names[number].encode() if number in added else _bytes_of(names.get(number, ""))
            for number in range(vocabulary)
        ]
        self.hash = hashlib.sha256(content).hexdigest()

    def encode(self, text: bytes) -> np.ndarray:
        """Returns the tokens of a text, none added: uint16, or int32 for more than 65,536."""
        found = self._tokenizer.encode(text.decode(errors="replace"), add_special_tokens=False)
        return np.array(found.ids, np.uint16 if len(self.pieces) <= 2**16 else np.int32)

    def decode(self, tokens: Sequence[int] | np.ndarray) -> bytes:
        """Returns the text of any tokens, special ones as they are written."""
        return b"".join(self.pieces[token] for token in tokens)


def load(folder: str | Path, vocabulary: int) -> ReleasedTokenizer:
    """Returns the tokenizer in the folder of a model.

    vocabulary: the tokens of the model, which may be more than those that text has.

    Raises:
        ValueError: there is none, it is damaged, not byte-level, or has more tokens than the model.
    """
    path = Path(folder).expanduser() / FILE
    if not path.is_file():
        raise ValueError(f"{path} is missing: text needs the tokenizer that came with the model")
    content = path.read_bytes()
    if b'"ByteLevel"' not in content:
        raise ValueError(f"{path} is not byte-level, and no other tokenizer is read here")
    try:
        return ReleasedTokenizer(content, vocabulary)
    except Exception as error:  # the library raises no type of its own
        raise ValueError(
            f"{path} cannot be read ({error}): copy or download it again, from the same model"
        ) from error


def _bytes_of(characters: str) -> bytes:
    return bytes(_TO_BYTES[character] for character in characters)


def _alphabet() -> dict[str, int]:
    """Returns the byte of each character of a byte-level vocabulary.

    Printable characters of Latin-1 stand for themselves, those from 256 on for the other bytes in
    order (GPT-2).
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = itertools.count(256)
    return {chr(b if b in printable else next(others)): b for b in range(256)}


_TO_BYTES = _alphabet()
