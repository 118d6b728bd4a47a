"""Transformers as plain functions of weights and inputs: what `spu_ditto.models` loads.

A network is a function of a `Scope`, from which it takes its weights by the names that Hugging Face's files have, of
the configuration, and of inputs. There are no modules: what a network asks for is what a file must hold.
"""
