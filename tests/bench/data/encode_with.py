"""PACKAGE TEXT ENCODER_JSON VOCAB_BPE THREADS: the lines of a text to GPT-2's ids by tiktoken or gigatoken.

Says on standard error how long the encoding alone took, without the start of Python and the loading of the vocabulary.
"""
import os
import sys
import time

package, text, encoder, merges, threads = sys.argv[1:]
os.environ["RAYON_NUM_THREADS"] = threads  # read by gigatoken when it is imported

import tiktoken.load  # noqa: E402

ranks = tiktoken.load.data_gym_to_mergeable_bpe_ranks(merges, encoder)
with open(text, "rb") as file:
    data = file.read()

if package == "tiktoken":
    import tiktoken
    from tiktoken_ext import openai_public

    encoding = tiktoken.Encoding("gpt2", pat_str=openai_public.r50k_pat_str, mergeable_ranks=ranks, special_tokens={})
    begin = time.monotonic()
    ids = encoding.encode_ordinary_batch(data.decode().split("\n"), num_threads=int(threads))
    seconds = time.monotonic() - begin
    count = sum(map(len, ids))
else:
    import base64

    import awkward
    import gigatoken

    with open("gpt2.tiktoken", "w", encoding="ascii") as file:
        for token, rank in ranks.items():
            file.write(f"{base64.b64encode(token).decode()} {rank}\n")
    tokenizer = gigatoken.Tokenizer.from_tiktoken("gpt2.tiktoken", pretokenizer="gpt2")
    begin = time.monotonic()
    ids = tokenizer.encode_batch(gigatoken.BytesSource([data], separator="\n"))
    seconds = time.monotonic() - begin
    count = awkward.count(ids)
print(f"{package}: {count} tokens, encoding alone {seconds:.2f} s, {len(data) / seconds / 1e6:.1f} MB/s", file=sys.stderr)
