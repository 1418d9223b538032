"""A language model of nopos-host for the transformers library.

    AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=True)

It computes what nopos-host computes, without a cache of keys and values. Tensors have their names in the checkpoint.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_fast": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_accurate": lambda x: F.gelu(x, approximate="tanh"),
    "tanh": torch.tanh,
    "linear": lambda x: x,
}


class NoPosConfig(PretrainedConfig):
    model_type = "nopos"

    def __init__(self, nopos_model=None, **others):
        super().__init__(**others)
        self.nopos_model = nopos_model or {}


def alibi_slopes(heads):
    """One slope per head, as the model was trained: the reference's, not the paper's, where heads are no power of 2."""
    power = 2 ** int(math.log2(heads))
    slopes = [2 ** (-8.0 * head / heads) for head in range(1, power + 1)]
    return slopes + [2 ** (-4.0 * head / power) for head in range(1, 2 * (heads - power) + 1, 2)]


def sinusoids(rows, dim, padding):
    half = dim // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10000.0) / (half - 1)))
    angles = torch.arange(rows, dtype=torch.float32).unsqueeze(1) * frequencies
    table = torch.zeros(rows, dim)
    table[:, :half], table[:, half : 2 * half] = angles.sin(), angles.cos()
    table[padding] = 0
    return table


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.k_proj, self.v_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.q_proj, self.out_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, x, mask, dropout):
        split = lambda y: y.view(*x.shape[:2], self.heads, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(
            split(self.q_proj(x)), split(self.k_proj(x)), split(self.v_proj(x)), attn_mask=mask, dropout_p=dropout
        )
        return self.out_proj(y.transpose(1, 2).reshape(x.shape))


class Layer(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model, dim, inner = model, model["embed_dim"], model["ffn_dim"]
        if model["scale_heads"]:
            self.c_attn = nn.Parameter(torch.ones(model["heads"]))
        if model["scale_resids"]:
            self.w_resid = nn.Parameter(torch.ones(dim))
        self.self_attn = Attention(dim, model["heads"])
        self.attn_ln = nn.LayerNorm(dim) if model["scale_attn"] else nn.Identity()
        self.self_attn_layer_norm = nn.LayerNorm(dim)
        self.ffn_layernorm = nn.LayerNorm(inner) if model["scale_fc"] else nn.Identity()
        self.fc1, self.fc2 = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.final_layer_norm = nn.LayerNorm(dim)

    def attended(self, x, mask):
        y = self.self_attn(x, mask, self.model["attention_dropout"] if self.training else 0.0)
        if self.model["scale_heads"]:
            y = (y.view(*y.shape[:2], self.model["heads"], -1) * self.c_attn.unsqueeze(1)).view(y.shape)
        return self.attn_ln(y)

    def fed_forward(self, x):
        return self.fc2(self.ffn_layernorm(ACTIVATIONS[self.model["activation"]](self.fc1(x))))

    def residual(self, x, norm, part, scale=None):
        before = self.model["normalize_before"]
        y = F.dropout(part(norm(x) if before else x), self.model["dropout"], self.training)
        y = y + (x if scale is None else x * scale)
        return y if before else norm(y)

    def forward(self, x, mask):
        x = self.residual(x, self.self_attn_layer_norm, lambda y: self.attended(y, mask))
        return self.residual(x, self.final_layer_norm, self.fed_forward, getattr(self, "w_resid", None))


class Decoder(nn.Module):
    def __init__(self, model, vocabulary, padding):
        super().__init__()
        self.model, self.padding, dim = model, padding, model["embed_dim"]
        change = lambda a, b: nn.Linear(a, b, bias=False) if a != b else nn.Identity()
        self.embed_tokens = nn.Embedding(vocabulary, model["input_dim"], padding)
        self.project_in_dim = change(model["input_dim"], dim)
        if model["positions"] == "learned":
            self.embed_positions = nn.Embedding(model["max_positions"] + padding + 1, dim, padding)
        self.layernorm_embedding = nn.LayerNorm(dim) if model["layernorm_embedding"] else nn.Identity()
        self.layers = nn.ModuleList(Layer(model) for _ in range(model["layers"]))
        self.layer_norm = nn.LayerNorm(dim) if model["final_norm"] else nn.Identity()
        self.project_out_dim = change(dim, model["output_dim"])
        self.output_projection = nn.Linear(model["output_dim"], vocabulary, bias=False)

    def positions(self, tokens, seen):
        """What is added to the embeddings: rows are counted without padding, from the one behind its own."""
        if self.model["positions"] == "none":
            return 0
        rows = torch.cumsum(seen, dim=1) * seen + self.padding
        if self.model["positions"] == "learned":
            return self.embed_positions(rows)
        table = sinusoids(tokens.shape[1] + self.padding + 1, self.model["embed_dim"], self.padding)
        return table.to(tokens.device)[rows]

    def mask(self, length, seen, like):
        """What is added to the scores: [1 or batch, heads, length, length]."""
        place = torch.arange(length, device=like.device)
        distance = place.unsqueeze(1) - place
        mask = torch.zeros(1, 1, length, length, device=like.device)
        if self.model["alibi"]:
            slopes = torch.tensor(alibi_slopes(self.model["heads"]), device=like.device)
            mask = -slopes.view(1, -1, 1, 1) * distance
        hidden = (distance < 0).view(1, 1, length, length) | ((seen == 0)[:, None, None, :] & (distance != 0))
        return mask.masked_fill(hidden, float("-inf")).to(like.dtype)

    def forward(self, tokens, seen):
        x = self.embed_tokens(tokens) * self.model["embed_scale"]
        x = self.project_in_dim(x)
        x = self.layernorm_embedding((x + self.positions(tokens, seen)).to(x.dtype))
        x = F.dropout(x, self.model["dropout"], self.training)
        mask = self.mask(tokens.shape[1], seen, x)
        for layer in self.layers:
            x = layer(x, mask)
        return self.project_out_dim(self.layer_norm(x))


class NoPosForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = NoPosConfig
    base_model_prefix = "decoder"
    _tied_weights_keys = {"decoder.output_projection.weight": "decoder.embed_tokens.weight"}
    _keys_to_ignore_on_load_unexpected = [r"decoder\.version", r"_float_tensor"]

    def __init__(self, config):
        super().__init__(config)
        self.decoder = Decoder(config.nopos_model, config.vocab_size, config.pad_token_id)
        self.post_init()

    def get_input_embeddings(self):
        return self.decoder.embed_tokens

    def set_input_embeddings(self, embeddings):
        self.decoder.embed_tokens = embeddings

    def get_output_embeddings(self):
        return self.decoder.output_projection

    def set_output_embeddings(self, head):
        self.decoder.output_projection = head

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **others):
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def forward(self, input_ids, attention_mask=None, labels=None, return_dict=True, **others):
        seen = (input_ids != self.decoder.padding) if attention_mask is None else attention_mask
        logits = self.decoder.output_projection(self.decoder(input_ids, seen.long()))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=-100)
        output = CausalLMOutput(loss=loss, logits=logits)
        return output if return_dict else output.to_tuple()
