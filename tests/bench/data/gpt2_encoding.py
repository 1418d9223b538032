"""GPT-2's encoding by nopos-host, tiktoken and gigatoken; bench.py runs the commands in turns."""
import os
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
vocabulary = os.path.join(here, "..", "..", "..", "plugins", "tokenizer", "gpt2_bpe", "data")
packages = ["tiktoken==0.14.0", "gigatoken==0.10.0"]


def environment(folder):
    """The interpreter of an environment with the packages, made where it is not there yet."""
    python, done = os.path.join(folder, "bin", "python"), os.path.join(folder, "complete")
    if not os.path.exists(done):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        open(done, "w").close()
    return python


def commands(args, _):
    host = os.path.join(args.build, "bin", "nopos-host")
    python = environment(os.path.join(args.build, "tests", "python-tokenizers"))
    files = [os.path.join(vocabulary, name) for name in ("encoder.json", "vocab.bpe")]
    named = {"nopos-host": [host, "encode", "--count", "--tokenizer", "gpt2_bpe", "--threads", str(args.workers), "text"]}
    for package in ("tiktoken", "gigatoken"):
        named[package] = [python, os.path.join(here, "encode_with.py"), package, "text", *files, str(args.workers)]
    return named
