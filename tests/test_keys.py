import struct
from hashlib import blake2b

import numpy as np
import pytest
from numpy.random import SeedSequence, default_rng

from augkit.errors import UsageError
from augkit.noise.bits import block_bits
from augkit.noise.blocks import Stream
from augkit.noise.keys import STREAM_VERSION, Key, addressed_words
from augkit.noise.rng import as_key


def first_words(key):
    return key.words(4).tolist()


def test_the_same_name_gives_the_same_bits_and_another_name_others():
    keys = [
        Key(1).child("a", "b"),
        Key(1).child("ab"),
        Key(1).child("a").child("b", 0),
        Key(1).child("a", 1),
        Key(1).child("a", "1"),
        Key(2).child("a", "b"),
        Key(1),
    ]
    words = [tuple(first_words(key)) for key in keys]
    assert len(set(words)) == len(keys)
    assert first_words(Key(1).child("a").child("b")) == first_words(keys[0])


def test_names_are_taken_in_nfc_and_need_not_be_utf8():
    assert first_words(Key(1).child("e\u0301.png")) == first_words(Key(1).child("\u00e9.png"))
    assert first_words(Key(1).child(b"\xff.png".decode("utf-8", "surrogateescape")))


def test_the_bits_of_a_block_are_those_of_its_hash():
    """The stream can be made again from its description alone: BLAKE2b, then SFC64 with 12 rounds of mixing."""
    words = (1, 7, 0, "noise", 5)
    text = b"".join(
        (b"s" if isinstance(word, str) else b"i") + len(str(word)).to_bytes(4, "little") + str(word).encode()
        for word in words
    )
    a, b, c = struct.unpack("<3Q", blake2b(text + (9).to_bytes(8, "little"), digest_size=24).digest())
    counter, mask, out = 1, 2**64 - 1, []
    for _ in range(15):
        out.append((a + b + counter) & mask)
        a, b, c = b ^ (b >> 11), (c + (c << 3)) & mask, (((c << 24) | (c >> 40)) + out[-1]) & mask
        counter += 1
    key = Key(7).child("noise", 5)
    assert block_bits(key.digest(), 9).random_raw(3).tolist() == out[12:]


def test_golden_bits():
    """The stream of a key is part of the contract: it must not change without STREAM_VERSION."""
    assert STREAM_VERSION == 1
    assert hex(first_words(Key(42).child("noise", 3))[0]) == "0x2c6dfa8eb52b082a"


def test_rng_follows_spec_7():
    assert as_key(3) == as_key(np.int64(3)) == as_key(3)
    assert as_key(None) != as_key(None)
    sequence = SeedSequence(5, spawn_key=(1, 2))
    assert as_key(sequence) == as_key(sequence)
    assert as_key(sequence) != as_key(SeedSequence(5))
    assert first_words(as_key(sequence)) != first_words(as_key(SeedSequence(5, spawn_key=(12,))))
    generator = default_rng(1)
    assert as_key(generator) != as_key(generator)
    assert as_key(default_rng(1)) == as_key(default_rng(1))
    assert as_key(SeedSequence([1, 2**40])).entropy == (1, 2**40)
    assert as_key((2**64 - 1, 1)).entropy == as_key(np.array([2**64 - 1, 1], np.uint64)).entropy == (2**64 - 1, 1)
    assert first_words(as_key(SeedSequence([1, 2**40]))) == first_words(as_key(SeedSequence([1, 2**40])))


def test_a_sequence_of_integers_is_a_seed():
    assert as_key([1, 2**40]) == as_key(np.array([1, 2**40])) == as_key((1, 2**40)) != as_key([1, 2])


@pytest.mark.parametrize("wrong", [-1, 1.5, "1", True, [], [-1], [0.5], np.ones((2, 2), int)])
def test_what_is_no_seed_is_refused(wrong):
    with pytest.raises(UsageError, match="rng="):
        as_key(wrong)


def test_uniform_is_in_range_and_differs():
    draws = [Key(1).child("u", i).uniform() for i in range(2000)]
    assert 0 <= min(draws) < 0.01
    assert 0.99 < max(draws) < 1
    assert abs(np.mean(draws) - 0.5) < 5 / np.sqrt(12 * 2000)


def test_addressed_words_do_not_depend_on_their_company():
    index = np.arange(1000, dtype=np.uint64)
    all_ = addressed_words(np.uint64(9), index, 2)
    assert addressed_words(np.uint64(9), index[[7, 3]], 2).tolist() == all_[[7, 3]].tolist()
    assert len(set(all_.tolist()) | set(addressed_words(np.uint64(9), index, 3).tolist())) == 2000
    bits = np.unpackbits(all_.view(np.uint8))
    assert abs(bits.mean() - 0.5) < 5 * 0.5 / np.sqrt(bits.size)


def test_words_leave_what_they_are_made_of_alone():
    index, rounds = np.arange(5, dtype=np.uint64), np.array([0, 1], np.uint64)
    made = addressed_words(np.uint64(9), index, rounds)
    assert index.tolist() == [0, 1, 2, 3, 4]
    assert rounds.tolist() == [0, 1]
    assert made.shape == (2, 5)
    assert made[1].tolist() == addressed_words(np.uint64(9), index, 1).tolist()
    assert addressed_words(np.uint64(9), index[:0], 3).shape == (0,)


def test_words_of_a_block_are_little_endian_whatever_the_machine():
    stream = Stream(Key(3), 0)
    wide = stream.words(0, 0, 4, "<u8").tolist()
    for size in (2, 4):
        narrow = stream.words(0, 0, 4 * 8 // size, f"<u{size}").tolist()
        data = b"".join(word.to_bytes(size, "little") for word in narrow)
        assert [int.from_bytes(data[place : place + 8], "little") for place in range(0, 32, 8)] == wide
    assert stream.words(0, 3, 5, "<u2").tolist() == stream.words(0, 0, 5, "<u2").tolist()[3:]
    assert list(stream.spans(0)) == []
