"""What every PPHLO operation becomes in the ring dialect, and ring programs for the engine."""
