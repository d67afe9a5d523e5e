"""M2 inside lm-evaluation-harness: importing this registers the model "equalinfo" (extra `interchange`).

    import lm_eval, equalinfo.harness
    lm_eval.simple_evaluate(model="equalinfo", model_args="m2=DIR", tasks=[...])

`python -m equalinfo.harness ARGUMENTS` is the harness's own command line with that model in it.
"""

from equalinfo.harness.model import EqualInfoLM

__all__ = ["EqualInfoLM"]
