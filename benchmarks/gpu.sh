#!/bin/sh
# On one GPU: training speed, 25m and 113m with vocabularies of 256, 32,000 and 65,536 (results/gpu.json), then the exact M1's
# bytes a second, for AC and for windows of 32 bits (results/gpu-exact.json).
# One command in an environment with the package and transformers: `sh benchmarks/gpu.sh`.
# `sh benchmarks/gpu.sh --device cpu --tiny` tries the training in seconds without a GPU.
set -eu
cd "$(dirname "$0")/.."
"${PYTHON:-python3}" -m benchmarks.on_gpu.training "$@"
[ $# -gt 0 ] || exec "${PYTHON:-python3}" -m benchmarks.on_gpu.exact_m1
