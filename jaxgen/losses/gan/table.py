"""All games, by the names that configs give them."""

from jaxgen.losses.gan.classes import k_plus_one
from jaxgen.losses.gan.features import feature_matching
from jaxgen.losses.gan.pairs import PAIRS

LOSSES = {**PAIRS, 'k_plus_one': k_plus_one, 'feature_matching': feature_matching}
