"""Which ring and scale a value has: the policy, a calibrated plan, and how one is made."""
