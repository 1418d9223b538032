"""make_models.py FOLDER: small random models of transformers, a text and a dictionary; prints each one's loss.

Tokens are numbers, in the dictionary in falling order; 29 ends a line. An OPT counts with the dictionary's own types.
"""

import sys

import torch
import transformers
from losses import loss

folder = sys.argv[1]
lines = [[(line * 5 + word * word * 3) % 29 for word in range(7)] for line in range(30)]
with open(folder + "/text", "w") as text:
    text.writelines(" ".join(map(str, line)) + "\n" for line in lines)
with open(folder + "/dict.txt", "w") as dictionary:
    dictionary.writelines(f"{token} 1\n" for token in range(28, -1, -1))

torch.manual_seed(1)
common = {"eos_token_id": 29, "vocab_size": 30}
gpt2 = dict(common, n_positions=32, n_embd=16, n_inner=24, n_layer=2, n_head=4, initializer_range=0.5)
neox = dict(common, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4)
opt = dict(
    vocab_size=33, hidden_size=16, ffn_dim=24, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=32
)
models = {
    "gpt2": transformers.GPT2LMHeadModel(transformers.GPT2Config(**gpt2)),
    "neox": transformers.GPTNeoXForCausalLM(
        transformers.GPTNeoXConfig(
            **neox, max_position_embeddings=32, rotary_pct=0.0, use_parallel_residual=False, initializer_range=0.5
        )
    ),
    "opt": transformers.OPTForCausalLM(transformers.OPTConfig(**opt, init_std=0.5)),
    "opt-after": transformers.OPTForCausalLM(
        transformers.OPTConfig(**opt, init_std=0.5, do_layer_norm_before=False, word_embed_proj_dim=8)
    ),
    "opt-bare": transformers.OPTForCausalLM(
        transformers.OPTConfig(
            **opt, init_std=0.5, enable_bias=False, layer_norm_elementwise_affine=False, activation_function="gelu",
            tie_word_embeddings=False,
        )
    ),
}
for name, model in models.items():
    model.eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases too, which start as zeros
            if parameter.dim() == 1:
                parameter += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(f"{folder}/{name}", max_shard_size="4KB" if name == "gpt2" else "1GB")
    own = name.startswith("opt")
    stream = [token for line in lines for token in [(32 - n if own else n) for n in line] + [2 if own else 29]]
    print(name, loss(model, stream, 32, 2 if own else 29))
