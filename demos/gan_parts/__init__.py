"""The parts of the GAN tab, one module each."""
