"""Measured cells and what is made of them: metrics, results.jsonl, tables and the HTML report.

Start reading in `metrics` (the only place for the formulas), then `results` (one row per cell).
This room imports only `equalinfo.errors` and `equalinfo.files`: nothing from tokens or model, and never
torch, so that a report can be made on any machine from results.jsonl alone.
"""
