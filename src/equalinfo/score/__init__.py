"""Scored M2s and what is made of them: metrics, results.jsonl, tables.

Start reading in `metrics` (the only place for the formulas), then `results` (one row per M2). It never
loads torch, so that a report can be made on any machine from results.jsonl alone.
"""
