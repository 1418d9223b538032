"""Writes small wheels with the names, tags and lists of files that tools/setup fetches: make_wheels.py FOLDER."""
import sys
import zipfile

VERSION_H = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 11\n#define TORCH_VERSION_PATCH 0\n"
WHEELS = [
    ("torch", "2.11.0", "cp311-cp311-manylinux_2_28", {
        "torch/lib/libtorch_cpu.so": "library " * 64, "torch/include/ATen/ATen.h": "// header\n",
        "torch/include/torch/headeronly/version.h": VERSION_H}),
    ("nvidia_cuda_runtime", "13.0.96", "py3-none-manylinux2014", {"nvidia/cu13/lib/libcudart.so.13": "runtime"}),
    ("nvidia_cuda_cupti", "13.0.85", "py3-none-manylinux_2_25", {"nvidia/cu13/lib/libcupti.so.13": "cupti"}),
]

folder, machine = sys.argv[1:]
for name, version, tag, files in WHEELS:
    info = f"{name}-{version}.dist-info"
    files = dict(files)
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}_{machine}\n"
    record = [f"{path},,{len(text)}\n" for path, text in files.items()] + [f"{info}/RECORD,,\n"]
    with zipfile.ZipFile(f"{folder}/{name}-{version}-{tag}_{machine}.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "".join(record))
