"""The parts of the VAE tab, one module each: what it shows (`draw`), where (`stage`), what its actions do (`act`)."""
