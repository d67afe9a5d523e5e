#!/bin/sh
# Training speed on one GPU, 25m and 113m with vocabularies of 256, 32,000 and 65,536: results/gpu.json.
# One command in an environment with the package and transformers: `sh benchmarks/gpu.sh`.
# `sh benchmarks/gpu.sh --device cpu --tiny` tries the same in seconds without a GPU.
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" benchmarks/on_gpu/training.py "$@"
