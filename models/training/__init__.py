"""One recipe per model, and the pictures they learn from: ``python -m models.training.NAME --data toons --out DIR``."""
