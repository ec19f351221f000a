"""A variational autoencoder of the sentences of the Python standard library's documentation (Bowman et al. 2016).

    python -m jaxgen.main --config=configs/sentence_vae_text.py

Sentences of at most 24 merged pairs of bytes, which needs `pip install 'jaxgen[text]'`. On 2 CPU cores, shared: 2 CPU
minutes. On the validation split, averaged weights: 78.2 nats a sentence, its end included (importance-weighted bound, K
= 16; 79.2 by one draw), or 7.15 bits a token, of which there are 15.8; of these nats the KL is 3.6, with all 16 units
active: what free bits leave for nothing, and no more. What fills a sentence up is in none of these numbers. While it
was still counted, and read by the encoder, they were 79.2 nats, 80.5 by one draw, and a KL of 3.7.

With `--config.model.word_dropout=0.0 --config.model.kl_warmup_steps=0 --config.model.free_bits=0.0` the posterior
collapses: KL 0.06, 4 units active, and 75.1 nats (of those with what fills up), of what is a language model; as in the
paper, that is hard to beat.
No published numbers exist for this text.

`--mode=sample --use=interpolation` prints the most likely sentences on the way between two; in a few steps:

    Returns: Ano, the current file is not be used to the current file.
    Inters the file is a string, the file.
    Inters a list of the same file, the file.
    Inters a list of the file.
    Abstract class for the file.
    Abstract class for the file is a list of the file.

So few nats bring back no word of the two sentences of the test split between which that way leads. Others:
`--knobs.token_temperature=0.5` for samples, `--prompt='Return '` with `--use=completion`.
"""

from ml_collections import ConfigDict

from jaxgen.config import defaults, optimizer, preset


def get_config(arg=''):
  config = defaults()
  config.module = 'jaxgen.models.vae.sentence_vae'
  config.data.name = 'text:stdlib'
  config.data.sentences = True
  config.data.context = 24  # tokens of a sentence, at most
  config.data.tokenizer = 'bpe'
  config.data.vocabulary = 2048
  config.model = ConfigDict(
    dict(
      width=128,  # of embeddings, of both recurrent networks, and of masked networks of a flow
      latent_dim=16,
      word_dropout=0.3,  # share of the tokens that are hidden from the decoder in training
      prior='normal',  # normal | mixture | class_conditional | flow
      components=10,  # prior=mixture: normals in it
      posterior='gaussian',  # gaussian | planar | iaf
      depth=4,  # layers of each flow, of prior and posterior
      context=32,  # numbers that the encoder gives the flow of the posterior
      objective='elbo',  # elbo | iwae | infovae
      free_bits=0.25,  # objective=elbo: nats of each latent for which nothing is paid
      training_samples=5,  # objective=iwae: K, draws of the latents in training
      doubly_reparameterized=False,  # objective=iwae: the DReG gradient, of less variance
      infovae_alpha=0.0,  # objective=infovae: 1 - alpha weighs the KL
      infovae_lambda=10.0,  # objective=infovae: alpha + lambda - 1 weighs the MMD
      kernel='gaussian',  # objective=infovae, of the MMD: gaussian | inverse_multiquadratic
      reconstruction_weight=1.0,  # lambda_1
      kl_weight=1.0,  # lambda_2, beta
      kl_warmup_steps=300,  # over which it rises from 0
      importance_samples=16,  # K of the bound that is evaluated
    )
  )
  config.optimizer = optimizer(learning_rate=2e-3, schedule='cosine', warmup_steps=50, clip_norm=1.0)
  config.batch_size = 64
  config.num_steps = 600
  config.ema_decay = 0.99
  config.steps_per_dispatch = 10
  config.log_every = 50
  config.eval_every = 600
  config.num_samples = 16
  return preset(config, arg, width=8, latent_dim=3, importance_samples=4)
