from flax.linen import Conv, ConvTranspose
