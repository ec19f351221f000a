"""What one does with a trained model: `use` does all that applies, each use is one file and one row of `USES`."""

from jaxgen.uses.catalogue import USES, Use, abilities
from jaxgen.uses.command import use
from jaxgen.uses.subject import Options, Subject, Written

__all__ = ['USES', 'Options', 'Subject', 'Use', 'Written', 'abilities', 'use']
