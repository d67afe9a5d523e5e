"""How long compiling takes at 65,536 entries, from the demo's M1 and from an M1 of size 3m: results/compile-time.json.

    python -m benchmarks.compile_time

The M1 of size 3m has its initial weights: the work per string is that of a trained one.
"""

import argparse
import time

from benchmarks._common import add_common_options, m1_directory, machine, training_and_held_out
from equalinfo.files import write_json
from equalinfo.model.decoder import Decoder
from equalinfo.model.storage import file_tensors
from equalinfo.predict.exact_files import load_exact
from equalinfo.predict.quantise import quantise
from equalinfo.sizes import size_by_name
from equalinfo.tokens.sources import Sources
from equalinfo.tokens.spec import Spec


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_common_options(parser, "results/compile-time.json")
    given = parser.parse_args()
    training, _ = training_and_held_out()
    size = size_by_name("3m")
    model = Decoder(size, 256)
    model.init_weights(0)
    large = quantise(size, {name: tensor.numpy() for name, tensor in file_tensors(model).items()})
    trained = load_exact(m1_directory(given.m1))
    rows = []
    cases = [("3m", large, "EqualInfo[v=65k]")]
    cases += [
        ("demo", trained, f"EqualInfo[{options}]")
        for options in (
            "b=12,v=4k",
            "v=4k",
            "v=4k,fewest",
            "v=4k,fewest,words",
            "v=4k,unigram,words",
            "b=16,v=65k",
            "v=65k",
            "v=65k,fewest",
            "v=65k,fewest,words",
            "v=65k,unigram,words",
        )
    ]
    for name, predictor, spec in cases:
        started = time.perf_counter()
        Spec.parse(spec).build(Sources(documents=lambda: training, ready=predictor))
        rows.append({"m1": name, "spec": spec, "seconds": round(time.perf_counter() - started, 2)})
        print(rows[-1], flush=True)
    corpus_bytes = sum(map(len, training))
    write_json(given.out, {"machine": machine(), "corpus_bytes": corpus_bytes, "rows": rows})


if __name__ == "__main__":
    main()
