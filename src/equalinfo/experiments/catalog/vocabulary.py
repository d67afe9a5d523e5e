"""The same bits cut into short tokens or wide ones (section 5.2, figure 6)."""

from collections.abc import Iterator

from equalinfo.experiments.base import Compared, Cost, Experiment, Finding, Functions
from equalinfo.experiments.m2_tables import bits_panel, compare_m2s
from equalinfo.experiments.rows import Rows
from equalinfo.experiments.scales import Scale, paper_method
from equalinfo.experiments.verdicts import less, near
from equalinfo.experiments.workspace import ExperimentContext, Job
from equalinfo.figures.figure import Figure
from equalinfo.score.paper import paper_bits, paper_ratios


def pairs(scale: Scale) -> list[tuple[str, str]]:
    """(short tokens, wide tokens) of the same bits."""
    if scale.small:
        windows = [(scale.windows(bits), scale.windows(bits, "4k")) for bits in (24, 48)]
        return [*windows, ("EqualInfo[b=12,v=64]", "EqualInfo[b=12,v=4k]"), ("AC[v=256]", "AC[v=4k]")]
    windows = [(scale.windows(bits), scale.windows(bits, "65k")) for bits in (16, 32, 64, 128)]
    return [*windows, ("GZip[v=256]", "GZip[v=65k]"), ("AC[v=256]", "AC[v=65k]")]


def jobs(work: ExperimentContext) -> Iterator[Job]:
    yield from work.m2_jobs([method for pair in pairs(work.scale) for method in pair])


def measured_pairs(rows: Rows) -> list[tuple[str, str]]:
    names = rows.methods("bits_per_byte")
    return list(zip(names[::2], names[1::2], strict=True))


def findings(rows: Rows) -> list[Finding]:
    table = paper_bits()
    claims = []
    for short, wide in measured_pairs(rows):
        paper_short, paper_wide = (
            paper_method(name).replace("b=24", "b=16").replace("b=48", "b=64") for name in (short, wide)
        )
        known = [table[name] for name in (paper_wide, paper_short) if name in table]
        theirs = f"{known[0]} against {known[1]} at 25m" if len(known) == 2 else ""
        if theirs and paper_short != short:
            theirs += f" (b={paper_short.split('b=')[1].split(',')[0]})"
        if short.startswith("AC"):
            uniform = rows.mean("uniform_bits_per_byte", wide)
            verdict = near(rows.estimate("bits_per_byte", wide), uniform, 0.02 * uniform)
            text = f"Wide tokens make AC no more learnable: {wide} stays at uniform"
        elif short.startswith("GZip"):
            verdict, text = less(rows, "bits_per_byte", short, wide), "A wide vocabulary hurts GZip"
        else:
            verdict, text = less(rows, "bits_per_byte", wide, short), f"{wide} is better than {short}"
        claims.append(verdict.on(text, theirs))
    return claims


def compared(rows: Rows) -> list[Compared]:
    return compare_m2s(rows, paper_bits(), paper_ratios())


def figure(rows: Rows) -> Figure:
    return Figure("Short tokens and wide ones of the same bits (figure 6)", [bits_panel(rows)])


EXPERIMENT = Experiment(
    Functions(jobs, findings, compared, figure),
    paper="section 5.2, figure 6",
    measures="Bits/byte of M2 on the same bits in short and in wide tokens.",
    minutes=14,
    cost=Cost(m2s={"25m": 12, "113m": 12, "403m": 12, "2b": 12}, coded=5),
    limits="v=65k: tokens of 12 bits stand in for those of 16, in windows of whole tokens. GZip cuts whole bytes only.",
)
