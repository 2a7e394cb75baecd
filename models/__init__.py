"""What the demos show: the models, their maths and their training, in plain PyTorch and NumPy; no screen."""
