"""Loads a checkpoint with PyTorch and prints every value of it, one a line: path, type, value.

Tensors are printed as shape, type and the CRC-32 of their bytes; floats with 17 digits, so that equal lines
mean equal values. The tests compare this with what the C++ reader sees in the same file.
"""
import sys
import zlib

import torch


def describe(path, value, out):
    kind = type(value).__name__
    if isinstance(value, torch.Tensor):
        flat = value.contiguous().clone().reshape(-1)
        data = bytes(flat.view(torch.uint8).tolist()) if flat.numel() else b""
        shape = ",".join(str(size) for size in value.shape)
        out.append(f"{path}\ttensor\t{str(value.dtype)[6:]} [{shape}] {zlib.crc32(data):08x}")
    elif isinstance(value, dict):
        out.append(f"{path}\t{kind}\t{len(value)}")
        for key, item in value.items():
            describe(f"{path}/{key}", item, out)
    elif isinstance(value, (list, tuple)):
        out.append(f"{path}\t{kind}\t{len(value)}")
        for index, item in enumerate(value):
            describe(f"{path}/{index}", item, out)
    elif isinstance(value, float):
        out.append(f"{path}\tfloat\t{value:.17g}")
    else:
        out.append(f"{path}\t{kind}\t{value}")


version = tuple(int(part) for part in torch.__version__.split(".")[:2])
options = {"weights_only": True} if version >= (2, 6) else {}  # before, it refused every float
lines = []
describe("", torch.load(sys.argv[1], map_location="cpu", **options), lines)
print("\n".join(lines))
