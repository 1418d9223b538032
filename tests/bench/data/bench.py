#!/usr/bin/env python3
"""Speed of the way from text to training data, beside what one would use otherwise, on the same text in turns.

    tests/bench/data/bench.py --build build/release [--megabytes 200] [--rounds 3] [--only preprocess]

Prints ratios of wall-clock time and of processor time. The wall clock counts on an idle machine only. Each command
runs twice in a row: the first run also waits for memory that the command before it has left to the system, or a
virtual machine to its host, which is cleared anew; the second tells what the command itself takes.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import gpt2_encoding

here = os.path.dirname(os.path.abspath(__file__))


class Timed:
    """Runs a command in a fresh folder `out`; seconds of both clocks and the memory at its peak."""

    def __init__(self, command, folder):
        self.out = os.path.join(folder, "out")
        shutil.rmtree(self.out, ignore_errors=True)
        os.mkdir(self.out)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        self.wall = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def preprocess(args, folder):
    """nopos-host preprocess beside a loop in Python that counts, sorts and writes."""
    host = os.path.join(args.build, "bin", "nopos-host")
    ours = [host, "preprocess", "--only-source", "--trainpref", "text", "--destdir", "out", "--workers", str(args.workers)]
    return {"nopos-host": ours, "python": [sys.executable, os.path.join(here, "python_preprocess.py"), "text", "out"]}


# name: function of the arguments and the folder with the file `text`, which gives the commands by name, ours first
comparisons = {"preprocess": preprocess, "gpt2": gpt2_encoding.commands}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--megabytes", default=200, type=float)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--workers", default=2, type=int)
    parser.add_argument("--only", choices=comparisons, action="append")
    parser.add_argument("--scratch", help="an existing folder with room; default: the system's temporary folder")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        text = os.path.join(folder, "text")
        with open(text, "wb") as file:
            subprocess.run([os.path.join(args.build, "tests", "zipf_text"), str(args.megabytes)], check=True, stdout=file)
        size = os.path.getsize(text) / 1e6
        print(f"{size:.0f} MB of text, {args.workers} threads, medians of {args.rounds} rounds")
        for name in args.only or comparisons:
            commands = comparisons[name](args, folder)
            turns = ("first", "again")
            runs = {(turn, who): [] for turn in turns for who in commands}
            for _ in range(args.rounds):
                for who, command in commands.items():
                    for turn in turns:
                        runs[turn, who].append(Timed(command, folder))
            median = {key: [statistics.median(getattr(run, clock) for run in all_runs) for clock in ("wall", "processor")]
                      for key, all_runs in runs.items()}
            ours = next(iter(commands))
            for (turn, who), (wall, processor) in median.items():
                our_wall, our_processor = median[turn, ours]
                print(f"{name:12} {turn:6} {who:12} {wall:8.2f} s {size / wall:8.1f} MB/s   processor {processor:8.2f} s   "
                      f"{ours} is faster by {wall / our_wall:.1f} (processor {processor / our_processor:.1f})")


main()
