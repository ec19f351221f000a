from jaxgen.samplers.ancestral import ancestral as ancestral
from jaxgen.samplers.annealed import annealed as annealed
from jaxgen.samplers.annealed import balanced_step_size as balanced_step_size
from jaxgen.samplers.annealed import num_annealed_steps as num_annealed_steps
from jaxgen.samplers.langevin import langevin as langevin
from jaxgen.samplers.predictor_corrector import predictor_corrector as predictor_corrector
from jaxgen.samplers.run import run as run
