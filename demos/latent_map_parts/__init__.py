"""The parts of the map tab, one module each."""
