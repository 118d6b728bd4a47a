"""The intermediate representations: `pphlo`, which SPU emits, and `ring`, which the engine runs."""
