from jaxgen.samplers.run import run as run
