"""Prints what TensorBoard itself finds below a folder, one line a value: TAG NAME STEP VALUE."""

import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

for folder in sorted(path for path in pathlib.Path(sys.argv[1]).iterdir()):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            print(folder.name, name, event.step, format(event.value, "g"))
    for name in events.Tags()["tensors"]:
        for event in events.Tensors(name):
            print(folder.name, name, event.step, event.tensor_proto.string_val[0].decode())
