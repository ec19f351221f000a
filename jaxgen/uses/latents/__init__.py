"""Uses that move examples through the latents: ways between them, one latent at a time, along what a class has."""
