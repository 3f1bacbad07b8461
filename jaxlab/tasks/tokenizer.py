"""Byte-pair encoding over bytes: any text, valid UTF-8 or not, comes back as it was.

The trainer is sentencepiece, which works on characters, drops some and reads others as spaces. So
every byte becomes one printable character before it, and bytes are what comes out again. Merges
cross no word: a word is some spaces and what follows them up to the next space, line ends included.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import sentencepiece

from jaxlab.disk import write_atomically

BYTES = 256  # the smallest vocabulary: a token for every byte
TRAINING_BYTES = 50_000_000  # of a larger text only every n-th document is learned from
CHARACTERS = "".join(chr(byte if 32 <= byte < 127 else 256 + byte) for byte in range(BYTES))
SPACE = "▁"  # how sentencepiece writes a space


class Tokenizer:
    """A trained vocabulary.

    Attributes:
        pieces: the bytes of every token.
        hash: sha256 of the pieces, to be recorded with a run.
    """

    def __init__(self, model: bytes):
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        size = self._processor.get_piece_size()
        # Number 0 is sentencepiece's unknown token. As every byte is known, no text has it, and the
        # numbers here are one less than there.
        written = [self._processor.id_to_piece(number) for number in range(1, size)]
        self.pieces = [_bytes_of(piece.replace(SPACE, " ")) for piece in written]
        lengths = np.array([len(piece) for piece in self.pieces], np.int64)
        self.hash = hashlib.sha256(lengths.tobytes() + b"".join(self.pieces)).hexdigest()

    def encode(self, text: bytes) -> np.ndarray:
        """Returns the tokens of a text, uint16, or int32 for more than 65,536 of them."""
        dtype = np.uint16 if len(self.pieces) <= 2**16 else np.int32
        return (np.array(self._processor.encode(_characters(text)), np.int32) - 1).astype(dtype)

    def decode(self, tokens: Sequence[int] | np.ndarray) -> bytes:
        """Returns the text of any tokens."""
        return b"".join(self.pieces[token] for token in tokens)


def load(documents: Sequence[bytes], vocabulary: int, folder: Path) -> Tokenizer:
    """Returns the tokenizer trained on these documents, from `folder` if it was trained before.

    Args:
        documents: of the training split; the text of no other may decide what is a token.
        vocabulary: the number of tokens, more than 256.
        folder: where tokenizers are kept, by the hash of all that decides them.

    Raises:
        ValueError: the text is too small for the vocabulary, the folder cannot be written, or the
            file in it is damaged.
    """
    path = folder / f"{_key(documents, vocabulary)}.model"
    if not path.exists():
        write_atomically(path, train(documents, vocabulary))
    try:
        tokenizer = Tokenizer(path.read_bytes())
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{path} is damaged: delete it and run again ({error})") from error
    if len(tokenizer.pieces) != vocabulary:
        raise ValueError(f"{path} is damaged: it has {len(tokenizer.pieces)} tokens. Delete it")
    return tokenizer


def train(documents: Sequence[bytes], vocabulary: int) -> bytes:
    """Returns the sentencepiece model of `vocabulary` tokens; the same text gives the same bytes.

    Raises:
        ValueError: `vocabulary` is below 257, or the text has too few pairs for it.
    """
    if vocabulary <= BYTES:
        raise ValueError(f"a vocabulary of {vocabulary} has nothing to learn beside {BYTES} bytes")
    every = -(-sum(map(len, documents)) // TRAINING_BYTES)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            # Every byte by itself first, so that it is known though no text has it.
            sentence_iterator=itertools.chain(CHARACTERS, _lines(documents[:: max(1, every)])),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary + 1,
            character_coverage=1.0,
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            split_by_unicode_script=False,
            split_by_number=False,
            max_sentence_length=2**30,  # longer lines would be left out
            unk_id=0,
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            num_threads=1,  # it is written into the model
            minloglevel=2,
        )
    except RuntimeError as error:
        size = sum(map(len, documents))
        raise ValueError(
            f"{size} bytes of text do not give a vocabulary of {vocabulary}: "
            f"take more text or a smaller vocabulary ({error})"
        ) from error
    return model.getvalue()


def _key(documents: Sequence[bytes], vocabulary: int) -> str:
    digest = hashlib.sha256(f"{sentencepiece.__version__} {TRAINING_BYTES} {vocabulary}".encode())
    for document in documents:
        digest.update(len(document).to_bytes(8, "big") + document)
    return f"bpe{vocabulary}-{digest.hexdigest()[:16]}"


def _lines(documents: Sequence[bytes]) -> Iterator[str]:
    for document in documents:
        for line in document.splitlines(keepends=True):
            yield _characters(line)


def _characters(text: bytes) -> str:
    return text.decode("latin-1").translate(_TO_CHARACTERS)


def _bytes_of(characters: str) -> bytes:
    return bytes(_TO_BYTES[character] for character in characters)


_TO_CHARACTERS = dict(enumerate(CHARACTERS))
_TO_BYTES = {character: byte for byte, character in enumerate(CHARACTERS)}
