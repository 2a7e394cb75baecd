"""The parts of the diffusion tab, one module each."""
