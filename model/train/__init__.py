"""The training pipeline: needs the torch extra."""
