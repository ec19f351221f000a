"""Chains over noise levels: each takes the score of the data blurred by any noise, and goes from level to level."""

from jaxgen.samplers.over_levels.annealed import annealed as annealed
from jaxgen.samplers.over_levels.annealed import balanced as balanced
from jaxgen.samplers.over_levels.annealed import ncsnv2 as ncsnv2
from jaxgen.samplers.over_levels.annealed import ncsnv2_epsilon as ncsnv2_epsilon
from jaxgen.samplers.over_levels.annealed import num_annealed_steps as num_annealed_steps
from jaxgen.samplers.over_levels.corrected import corrected as corrected
from jaxgen.samplers.over_levels.ddim import ddim as ddim
from jaxgen.samplers.over_levels.ddpm import ddpm as ddpm
from jaxgen.samplers.over_levels.dpm_solver import dpm_solver as dpm_solver
from jaxgen.samplers.over_levels.edm import edm as edm
from jaxgen.samplers.over_levels.euler import euler as euler
from jaxgen.samplers.over_levels.euler_maruyama import euler_maruyama as euler_maruyama
from jaxgen.samplers.over_levels.heun import heun as heun
from jaxgen.samplers.over_levels.levels import karras_levels as karras_levels
from jaxgen.samplers.over_levels.levels import spaced_levels as spaced_levels
from jaxgen.samplers.over_levels.predictor_corrector import langevin_corrector as langevin_corrector
from jaxgen.samplers.over_levels.predictor_corrector import predictor_corrector as predictor_corrector
