"""losses.py DATA LENGTH FOLDER...: bits per token of the split `test` by each folder's model, as eval-lm counts them.

Each line: the class that transformers made, and the loss.
"""

import math
import struct
import sys

import torch
from transformers import AutoModelForCausalLM

EOS = 2


def tokens_of(prefix):
    with open(prefix + ".idx", "rb") as index:
        assert index.read(9) == b"MMIDIDX\0\0"
        _, code, _ = struct.unpack("<QBQ", index.read(17))
    kind = {4: "<i4", 5: "<i8", 8: "<u2"}[code]
    with open(prefix + ".bin", "rb") as file:
        data = file.read()
    return [number[0] for number in struct.iter_unpack({"<u2": "<H", "<i4": "<i", "<i8": "<q"}[kind], data)]


def loss(model, stream, length, start=EOS):
    total = 0.0
    for begin in range(0, len(stream), length):
        target = torch.tensor([stream[begin : begin + length]])
        before = [stream[begin - 1] if begin else start]
        source = torch.tensor([before + stream[begin : begin + length][:-1]])
        with torch.no_grad():
            logits = model(source).logits.double()
        total += torch.nn.functional.cross_entropy(logits[0], target[0], reduction="sum").item()
    return total / len(stream) / math.log(2)


if __name__ == "__main__":
    stream = tokens_of(sys.argv[1] + "/test")
    for folder in sys.argv[3:]:
        remote = "nopos" in open(folder + "/config.json").read().split('"model_type"')[1][:12]
        model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=remote).eval()
        print(type(model).__name__, loss(model, stream, int(sys.argv[2])))
