"""Whole runs: recipes, grids of M2s that skip what is done, and scoring M2s on any corpus."""
