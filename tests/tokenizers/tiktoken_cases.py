"""Texts and the ids that tiktoken gives them, as a stream for tiktoken_test.cpp.

    tiktoken_cases.py ENCODER_JSON VOCAB_BPE STRINGS [FILE...]

Writes for each file and for STRINGS random strings: the number of bytes, the bytes (UTF-8), the number of ids, the
ids; numbers are 32-bit, little-endian.
"""
import array
import random
import struct
import sys

import tiktoken
import tiktoken.load
import unicodedata2
from tiktoken_ext import openai_public

encoder, merges, strings, *files = sys.argv[1:]
encoding = tiktoken.Encoding(
    "gpt2", pat_str=openai_public.r50k_pat_str, special_tokens={},
    mergeable_ranks=tiktoken.load.data_gym_to_mergeable_bpe_ranks(merges, encoder))
assert unicodedata2.unidata_version == "16.0.0"  # what tiktoken's engine knows
assigned = [chr(code) for code in range(0x110000) if unicodedata2.category(chr(code)) not in ("Cn", "Cs", "Co")]
spaces = "  \t\n\r\v\f\x1c\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000"
likely = "etaoinshrdlu'  sTM.,-1290éλя中अ" + spaces
source = random.Random(16)


def random_string():
    share = source.random()
    return "".join(source.choice(assigned if source.random() < share else likely)
                   for _ in range(source.randrange(1, 25)))


def write(text):
    coded = text.encode()
    ids = array.array("I", encoding.encode_ordinary(text))
    sys.stdout.buffer.write(struct.pack("<I", len(coded)) + coded + struct.pack("<I", len(ids)) + ids.tobytes())


for file in files:
    with open(file, encoding="utf-8", newline="") as opened:
        write(opened.read())
for _ in range(int(strings)):
    write(random_string())
