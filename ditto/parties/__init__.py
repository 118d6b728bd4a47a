"""The three parties and whoever calls them: both sides of one wire protocol. Needs NumPy and the engine alone."""
