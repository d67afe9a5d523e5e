"""The experiments of the reference paper, and ours: each states what it expects, measures, and says what it found.

One file of `catalog` per experiment, named by what it measures; `registry` lists them, `run` runs one,
`workspace` trains and keeps what they share.
Tables, figures and findings come from `score.measurements.Measurement` rows alone.
"""
