"""Where next-byte probabilities come from: byte unigram, byte contexts, or M1 in exact integer arithmetic.

Coders see integers only (`base.Predictor`), so that encoder and decoder agree bit for bit on any
machine, batch size and thread count.
"""
