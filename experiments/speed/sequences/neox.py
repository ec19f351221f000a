"""The same Transformer as `GPTNeoXForCausalLM` of `transformers`, the class there that is nearest.

It has LayerNorm before each layer, rotary positions of halves, one projection to queries, keys and values without a
bias, and two layers of a perceptron with one. Three things are told to it: attention and perceptron follow each other
(`use_parallel_residual=False`), all of a head turns (`rotary_pct=1`), and GELU by the hyperbolic tangent. Its tables of
tokens are two: that which is read holds ours times its scale, the root of the width, and that which predicts has our
bias, and no row for the token before the first.
"""

import torch
from torch import nn
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from experiments.speed.twins.tokens import TiedEmbedding
from experiments.speed.twins.transformer import Transformer


def build(network: Transformer, length: int) -> GPTNeoXForCausalLM:
  """Their network with the weights of ours, for texts of a length."""
  embedding, width = network.embedding, network.norm.normalized_shape[0]
  heads = network.layers[0].heads
  config = GPTNeoXConfig(
    vocab_size=embedding.levels + 1,
    hidden_size=width,
    num_hidden_layers=len(network.layers),
    num_attention_heads=heads,
    intermediate_size=4 * width,
    hidden_act='gelu_pytorch_tanh',
    rotary_pct=1.0,
    rotary_emb_base=10_000,
    max_position_embeddings=length + 1,
    layer_norm_eps=1e-6,
    use_parallel_residual=False,
    attention_bias=False,
    tie_word_embeddings=False,
    bos_token_id=embedding.levels,
    eos_token_id=None,
  )
  peer = GPTNeoXForCausalLM(config).eval()
  with torch.no_grad():
    peer.gpt_neox.embed_in.weight.copy_(embedding.table.weight * embedding.scale)
    peer.set_output_embeddings(_head(embedding))
    peer.gpt_neox.final_layer_norm.load_state_dict(network.norm.state_dict())
    for ours, theirs in zip(network.layers, peer.gpt_neox.layers, strict=True):
      theirs.input_layernorm.load_state_dict(ours.norms[0].state_dict())
      theirs.post_attention_layernorm.load_state_dict(ours.norms[1].state_dict())
      # ours come as queries of all heads, keys of all, values of all; theirs head by head
      qkv = ours.qkv.weight.unflatten(0, (3, heads, -1)).transpose(0, 1).flatten(0, 2)
      theirs.attention.query_key_value.weight.copy_(qkv)
      theirs.attention.dense.weight.copy_(ours.out.weight)
      theirs.mlp.dense_h_to_4h.load_state_dict(ours.inner.state_dict())
      theirs.mlp.dense_4h_to_h.load_state_dict(ours.outer.state_dict())
  return peer


def _head(embedding: TiedEmbedding) -> nn.Linear:
  head = nn.Linear(embedding.table.embedding_dim, embedding.levels)
  head.weight.copy_(embedding.table.weight[: embedding.levels])
  head.bias.copy_(embedding.bias)
  return head


def logits(peer: GPTNeoXForCausalLM, x: torch.Tensor, levels: int) -> torch.Tensor:
  """f32[B, T, levels] of tokens i64[B, T], each of the tokens before it."""
  before = torch.nn.functional.pad(x[:, :-1], (1, 0), value=levels)
  return peer(before).logits


def generate(peer: GPTNeoXForCausalLM, num: int, length: int, levels: int) -> torch.Tensor:
  """Texts i64[num, 1 + length] by their `generate()`, drawn from the whole distribution."""
  start = torch.full((num, 1), levels)
  return peer.generate(
    start,
    attention_mask=torch.ones_like(start),
    do_sample=True,
    top_k=0,
    min_new_tokens=length,
    max_new_tokens=length,
    pad_token_id=levels,
  )
