"""The parts of the autoregressive tab, one module each."""
