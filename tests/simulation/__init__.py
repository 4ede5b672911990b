"""The real actors in a world that a seed decides: every fault, every price, every order of events.

One `random.Random(seed)` draws all of it and the clock is moved by hand, so that a seed that fails, fails again.
"""
