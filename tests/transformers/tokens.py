"""tokens.py DATA FOLDER TEXT: fails where the tokenizer of FOLDER gives other ids than preprocess did."""

import sys

from losses import tokens_of
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
text = open(sys.argv[3], newline="", encoding="utf-8").read()
ids, ours = tokenizer(text)["input_ids"], tokens_of(sys.argv[1] + "/test")
assert ids == ours, (ids, ours)
assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2, 3)
if 3 not in ids and sys.argv[1].endswith(("byte", "bpe", "character")):
    assert tokenizer.decode(ids) == text.replace("\r\n", "\n"), tokenizer.decode(ids)
