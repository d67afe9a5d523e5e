"""Probabilities to bits and bits to token ids: arithmetic coding, Huffman, rANS, windows, interval splitting, chunking.

Coders see integer frequencies through `predict.base.Predictor` and know nothing of models. This room may
import `errors` and `predict`.
"""
