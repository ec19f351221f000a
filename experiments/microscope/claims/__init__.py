"""The sentences that generative models are compared with, and the experiment for each."""

from experiments.microscope.claims import bayes, flow, gan, score, tabled, vae
from experiments.microscope.claims.claim import Claim

CLAIMS = (
  Claim('blur', "VAE samples are blurrier than a GAN's.", tabled.blur),
  Claim('l1', 'L1 in place of L2 sharpens a VAE.', vae.l1_sharpens),
  Claim('beta', 'KL and reconstruction trade off.', vae.trade_off),
  Claim('latents', 'A larger z improves reconstruction and variety.', vae.larger_latents),
  Claim(
    'modes',
    "GANs drop modes, and collapse when the generator's rate is ten times higher.",
    gan.dropped_modes,
  ),
  Claim(
    'discriminator', "A discriminator's rate ten times higher slows convergence.", gan.fast_discriminator
  ),
  Claim('leaky', 'Leaky ReLU hurts here.', gan.leaky),
  Claim('adam', 'Adam converges faster than SGD and RMSProp.', vae.adam),
  Claim('batch', 'Small batches make GANs unstable.', gan.small_batches),
  Claim('labels', 'Labels in the discriminator improve samples.', gan.labels_help),
  Claim('encoder', 'An encoder in front of the generator helps.', gan.encoder_helps),
  Claim('density', 'Flows give exact density and punish a missed mode without bound.', flow.density),
  Claim('flow-time', 'Flows take several times as long to train as GANs.', tabled.flow_time),
  Claim('economy', 'VAEs are the most economical in time and parameters.', tabled.economy),
  Claim('autoregressive', 'Autoregressive models have the best density.', tabled.density),
  Claim('score', 'Score models sample slowly but cover modes.', tabled.slow_score),
  Claim('annealed', 'Annealed Langevin reaches modes that plain Langevin misses.', score.annealing),
  Claim('bayes', "A class-conditional generative model classifies by Bayes' rule.", bayes.classifies),
)
