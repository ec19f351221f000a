"""Networks that carry an image to an image, and those that judge its patches: one architecture per file."""

from jaxgen.nn.translation.mixer import Mixer
from jaxgen.nn.translation.patches import PatchDiscriminator, SmallPatchDiscriminator
from jaxgen.nn.translation.resnet import ResNetGenerator
from jaxgen.nn.translation.unet import UNet

__all__ = ['Mixer', 'PatchDiscriminator', 'ResNetGenerator', 'SmallPatchDiscriminator', 'UNet']
