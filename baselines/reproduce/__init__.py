"""The report's table, measured again: what to run, what came of it, why, and the page that says so."""
