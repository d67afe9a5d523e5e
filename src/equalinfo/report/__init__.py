"""The report: result rows, experiments and cut texts as one HTML page that needs no network (`equalinfo report`)."""
