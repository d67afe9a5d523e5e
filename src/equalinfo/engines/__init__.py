"""Engines share out the partitions of a corpus among workers; they decide how fast, never what comes out.

`local` starts processes on this machine, `ray_data` runs on a Ray cluster.
"""
