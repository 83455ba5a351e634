"""The routes, one file per noun: a few lines around plain functions."""
