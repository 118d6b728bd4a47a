"""Data to train and to measure on, fetched when they are asked for, into the user's cache."""
