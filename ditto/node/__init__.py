"""One party as a process of its own: `python -m ditto.node --config 3pc.json --party 1`. Needs NumPy and the engine."""
